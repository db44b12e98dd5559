"""`python -m backend.cli` is `hsi`."""

from backend.cli import main

main()
