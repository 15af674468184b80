"""The commented lab and scenario with which `tripcurve init` starts a project.

`init` is the command and `write_scaffold` writes the files.
"""

from tripcurve.scaffold.command import init, write_scaffold

__all__ = ["init", "write_scaffold"]
