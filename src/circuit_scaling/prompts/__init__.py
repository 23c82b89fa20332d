"""Tasks as data: templates and words become balanced prompts of one token length."""
