"""Hero heads and random heads are ablated together, as sets: which sets, and what they do."""
