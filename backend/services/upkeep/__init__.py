"""What keeps the house in order: reconciling, health."""
