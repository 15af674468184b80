"""From syntax to closures. Importing the package registers the rules of the grammar."""

from provision.local.gateway.expressions.compiler import access, assign, creation, literals, operators, statements

__all__ = ["access", "assign", "creation", "literals", "operators", "statements"]
