"""From tables to tables: join, classify and what follows; frames in, frames out."""
