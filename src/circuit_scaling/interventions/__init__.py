"""The exact engine: record a clean run once, then replay only what a changed head can change."""
