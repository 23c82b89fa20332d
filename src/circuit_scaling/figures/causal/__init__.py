"""Figures of causal tracing."""
