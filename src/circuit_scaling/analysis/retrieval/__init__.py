"""Scores of heads that read documents, ranked; masks compared; CSV tables for people."""
