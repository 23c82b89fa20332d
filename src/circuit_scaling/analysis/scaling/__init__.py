"""How correlation, strong heads and controls change with the size of models."""
