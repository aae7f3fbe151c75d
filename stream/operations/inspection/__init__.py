"""Inspection of positions, sizes, state and single customers."""
