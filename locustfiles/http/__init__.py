"""The HTTP client of the traffic: connections, request heads, and the reading of answers.

A user sends through `client.Client`, which returns an `Answer` even if the request failed.
"""
