"""Compiles policy expressions, which are a subset of C#, to Python closures and evaluates them."""

from provision.local.apim.expressions.errors import EvaluationError, ExpressionError
from provision.local.apim.expressions.expression import Expression, compile_expression
from provision.local.apim.expressions.library import documented_members
from provision.local.apim.expressions.library.jwt import Jwt, parse_jwt
from provision.local.apim.expressions.limits import Limits
from provision.local.apim.expressions.runtime.text import to_text

__all__ = [
    "EvaluationError",
    "Expression",
    "ExpressionError",
    "Jwt",
    "Limits",
    "compile_expression",
    "documented_members",
    "parse_jwt",
    "to_text",
]
