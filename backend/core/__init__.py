"""Plumbing that knows no camera."""
