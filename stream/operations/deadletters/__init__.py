"""Listing, showing, replaying and purging dead letters."""
