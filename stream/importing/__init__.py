"""Mapping exports of other systems to events, and sending many events."""
