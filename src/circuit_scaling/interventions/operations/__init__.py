"""What can be done to heads: ablate, patch, follow paths, attribute, and read attention."""
