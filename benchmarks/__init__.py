"""Benchmarks of the engine; they need torch, transformers and TransformerLens, but no Kedro."""
