"""A clean run, recorded once, and changed runs that replay what a change can reach."""
