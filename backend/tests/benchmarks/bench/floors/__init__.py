"""Bare programs: the work that nobody can avoid, and nothing else."""
