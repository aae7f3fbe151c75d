"""The alert rules, a file for each subject."""
