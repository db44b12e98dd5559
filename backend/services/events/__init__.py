"""Detections that belong together become one event."""
