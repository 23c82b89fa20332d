"""Trials become comparisons of heroes with random heads."""
