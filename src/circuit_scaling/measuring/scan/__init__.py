"""From a model and its prompts to the tables of a scan."""
