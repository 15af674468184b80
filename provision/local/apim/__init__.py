"""API Management's policy engine: policies, and the C# expressions in them. It uses no sockets.

`context` is the data that policies work on, and `services` is the interface to the gateway around them.
"""
