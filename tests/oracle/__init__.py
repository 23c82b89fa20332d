"""Exactness tests: the engine against independent references."""
