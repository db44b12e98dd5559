"""Benchmarks: tests that guard, and the programs of `hsi bench` that measure."""
