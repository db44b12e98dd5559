"""The schema is what these migrations make."""
