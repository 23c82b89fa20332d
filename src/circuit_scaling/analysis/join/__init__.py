"""The scan of one model becomes rows by head."""
