"""A model in a process of its own, which may crash or stand still without harm to the worker."""
