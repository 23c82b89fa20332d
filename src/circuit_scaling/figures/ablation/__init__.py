"""Figures of the ablation of hero heads."""
