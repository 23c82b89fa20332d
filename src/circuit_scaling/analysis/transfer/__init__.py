"""Whether the heads of one model carry over to another."""
