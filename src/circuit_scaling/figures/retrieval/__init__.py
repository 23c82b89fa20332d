"""Figures of the retrieval pipelines."""
