"""A detector turns frames into detections."""
