"""Policy documents: read and checked once, when they are stored, then run per request."""
