"""Figures of the transfer."""
