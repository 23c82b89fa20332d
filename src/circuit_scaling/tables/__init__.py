"""One schema per table: what every table on disk has passed."""
