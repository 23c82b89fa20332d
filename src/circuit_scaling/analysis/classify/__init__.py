"""Joined tables become categories, hero heads and known heads."""
