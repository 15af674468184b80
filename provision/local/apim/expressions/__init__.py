"""Policy expressions: the C# subset of API Management, compiled to closures."""

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
