"""Figures of the classification."""
