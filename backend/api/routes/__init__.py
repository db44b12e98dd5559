"""The operations, one file per noun; thin: they ask the stores and the services."""
