"""Backtests: an export of the past through core, windows, detectors and alert rules, in one process."""
