"""Azure on localhost: control plane, gateway, model mock and identity, each usable with Azure's own clients.

`cloud` joins all of them; `command` runs the cloud in the foreground.
"""
