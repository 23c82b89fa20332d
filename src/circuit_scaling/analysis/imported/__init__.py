"""A table of head effects that was measured elsewhere: read it, check it, lay it out."""
