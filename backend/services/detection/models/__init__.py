"""Detectors' files: which there are, how one is fetched, and where they are kept."""
