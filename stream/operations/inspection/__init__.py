"""Inspect positions, size, state and single customers."""
