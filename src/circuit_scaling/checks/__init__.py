"""What can be wrong before work starts: a module per kind of check, and all of them in one list."""
