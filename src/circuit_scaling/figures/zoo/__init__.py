"""Figures of the training of the embedded models."""
