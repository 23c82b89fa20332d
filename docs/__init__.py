"""The documentation: pages, what writes some of them (``generate``), and Sphinx's settings."""
