"""Published JSON schemas of what reports write."""
