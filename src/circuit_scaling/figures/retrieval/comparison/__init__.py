"""What the comparison of retrieval methods found: curves, overlaps, ranks, shares of heads."""
