"""Home Security Intelligence: camera pictures in, explained and risk-scored events out."""

__version__ = "0.1.0"
