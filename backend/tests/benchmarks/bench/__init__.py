"""The figures of `hsi bench`: each one beside a bare program that does the same work."""
