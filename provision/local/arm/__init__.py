"""The control plane: Azure Resource Manager for the resource types a lab touches.

`router` finds the handler, `crud` and the folders of each provider hold the models and their
rules, `errors` the error shapes. Nothing here opens a socket; `provision.local.front` does.
"""
