"""A camera gives frames: how files become rows of the ledger."""
