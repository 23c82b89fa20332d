"""Figures of the scaling study."""
