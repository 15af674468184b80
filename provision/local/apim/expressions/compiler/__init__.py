"""From syntax to closures. Importing the package registers the rules of the grammar."""

from provision.local.apim.expressions.compiler import (
    access,
    assign,
    conversions,
    creation,
    exceptions,
    lambdas,
    literals,
    operators,
    statements,
)

__all__ = [
    "access",
    "assign",
    "conversions",
    "creation",
    "exceptions",
    "lambdas",
    "literals",
    "operators",
    "statements",
]
