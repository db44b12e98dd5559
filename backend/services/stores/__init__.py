"""Every SQL statement, one file per noun. Nothing here commits."""
