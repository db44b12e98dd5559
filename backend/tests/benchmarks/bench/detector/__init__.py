"""P4 to P7: the detector beside bare programs that look at the same pictures."""
