"""Statistics on plain arrays: clustered inference, head categories, power and rank agreement."""
