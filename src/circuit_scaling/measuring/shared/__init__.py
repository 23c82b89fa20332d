"""What every measurement shares: prompts as batches, freshness, progress, the run log."""
