"""From a model and long contexts with a needle to scores of every head, and to masked answers."""
