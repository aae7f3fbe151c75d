"""Detection of unusual figures: how often chance alone would show what the panes show.

Everything here is a function of panes and of the present, rounded to a minute, so that replicas and restarts agree.
"""
