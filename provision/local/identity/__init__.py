"""Entra ID on localhost: principals, tokens, and the endpoints that hand tokens out."""
