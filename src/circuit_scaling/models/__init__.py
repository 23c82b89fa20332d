"""The roster, the loading of checkpoints through TransformerLens, and the zoo."""
