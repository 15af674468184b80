"""Compiles syntax trees to closures. Importing the package registers a compiler for each rule of the grammar."""

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
