"""One folder per pipeline: what flows (pipeline.py), what each node does (nodes.py), and why."""
