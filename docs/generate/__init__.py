"""Pages that are written from the code: what they say cannot fall behind it."""
