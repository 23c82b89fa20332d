"""Questions about a document in the middle of a long context: filings, prompts, right answers."""
