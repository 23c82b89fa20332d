"""How often intervals hold the truth and tests find what is not there: ``docs/coverage.md``."""
