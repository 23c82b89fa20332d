"""Tables measured elsewhere: read, checked and laid out as the joined tables."""
