"""The control plane: Azure Resource Manager for the resource types that a lab uses.

`router` finds the handler of a path, `crud` has the operations that all types share, each provider has a module or
folder with its types, and `errors` has the error bodies. Nothing here opens a socket; `provision.local.front` does.
"""
