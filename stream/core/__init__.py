"""The functional core: what events mean, what they add to the figures, what a window holds. No I/O, no clock."""
