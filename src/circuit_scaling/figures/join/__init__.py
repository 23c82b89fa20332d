"""Figures of the join."""
