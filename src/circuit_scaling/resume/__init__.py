"""Whether what is stored is what would be made now: the keys of nodes, and what is stale."""
