"""Pictures of two cameras that do not exist, to show the product with."""
