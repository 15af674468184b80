"""API Management's policy engine: policies, and the C# expressions inside them. It knows no sockets.

`context` is the data that policies work on; `services` is what they need from the gateway around them.
"""
