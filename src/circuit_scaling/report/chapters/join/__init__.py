"""Chapters on what the join makes."""
