"""Regular expressions in .NET's syntax, matched by a machine that counts its steps.

Python's own `re` cannot be stopped once it backtracks. This one charges every step to the evaluation.
"""

from provision.local.apim.expressions.regex.machine import Found, compile_pattern

__all__ = ["Found", "compile_pattern"]
