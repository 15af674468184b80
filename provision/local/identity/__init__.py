"""Entra ID on localhost: principals, tokens, and the endpoints that issue tokens."""
