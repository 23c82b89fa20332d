"""From a model, its prompts and its hero heads to the tables of causal tracing."""
