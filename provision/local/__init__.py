"""Azure on localhost: control plane, gateway, model mock and identity, each usable with Azure's own clients.

`cloud` is the whole; `command` runs it in the foreground.
"""
