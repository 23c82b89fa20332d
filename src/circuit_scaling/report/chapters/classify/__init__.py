"""Chapters on what the classification makes."""
