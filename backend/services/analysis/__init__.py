"""An analyst judges the event."""
