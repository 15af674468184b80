"""The HTTP client of the traffic: connections, request heads, and the reading of answers.

`client.Client` is what a user sends through; an `Answer` is data, whatever happened to the request.
"""
