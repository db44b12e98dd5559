"""What happens: one folder per verb."""
