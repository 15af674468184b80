"""Renders set-body's Liquid templates with python-liquid, restricted to DotLiquid, API Management's engine [DOTLIQUID].

Templates can read `body` and `context`. Tags and filters that DotLiquid does not have are refused when the document is
stored. DotLiquid's differences from Shopify's Liquid are kept: a list or an object prints as JSON, and the pairs of an
object have `Key` and `Value`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TextIO, cast

from liquid import Environment
from liquid.builtin.output import Output, OutputNode
from liquid.context import RenderContext
from liquid.exceptions import LiquidError as LibraryError
from liquid.exceptions import ResourceLimitError
from liquid.template import BoundTemplate
from liquid.undefined import Undefined

from provision.local.apim.context import PolicyContext, Request, Response
from provision.local.apim.policies.steps import Parsed
from provision.local.apim.policies.values import Constant, as_text
from provision.local.apim.services import PolicyFault

__all__ = ["FILTERS", "TAGS", "LiquidError", "Template", "compile_template", "parse_template"]

TAGS: tuple[str, ...] = ("assign", "break", "capture", "case", "comment", "continue", "cycle", "for", "if", "ifchanged")
TAGS += ("raw", "tablerow", "unless")
FILTERS: tuple[str, ...] = ("abs", "append", "at_least", "at_most", "capitalize", "ceil", "compact", "concat")
FILTERS += ("default", "divided_by", "downcase", "escape", "first", "floor", "join", "last", "lstrip", "map", "minus")
FILTERS += ("modulo", "newline_to_br", "plus", "prepend", "remove", "remove_first", "replace", "replace_first")
FILTERS += ("reverse", "round", "rstrip", "size", "slice", "sort", "sort_natural", "split", "strip", "strip_html")
FILTERS += ("strip_newlines", "times", "truncate", "truncatewords", "uniq", "upcase", "url_decode", "url_encode")
FILTERS += ("where",)
"""Filters that both libraries have. `date` is left out because DotLiquid's formats are .NET's."""

MAX_MARKUP = 2000
"""The most outputs and tags of one template. The library reads the whole rest for each that is never closed."""
_INTERNAL_TAGS = ("content", "illegal", "output")


class LiquidError(ValueError):
    """A template that cannot run here."""


class _Context(RenderContext):
    """Looks up `Key` and `Value` in the pairs that a loop over an object yields."""

    def get_item(self, obj: object, key: object) -> object:
        if isinstance(obj, tuple) and key in ("Key", "Value"):
            return obj[key == "Value"]
        return super().get_item(obj, key)


class _OutputNode(OutputNode):
    """Prints lists and objects as JSON, and .NET values as C# prints them."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        return buffer.write(_text(self.expression.evaluate(context)))


class _Output(Output):
    node_class = _OutputNode


class _Template(BoundTemplate):
    context_class = _Context


class _Environment(Environment):
    """DotLiquid's tags and filters, with limits for one rendering."""

    block_nesting_limit = 20
    context_depth_limit = 20
    loop_iteration_limit = 10_000
    output_stream_limit = 4 * 1024 * 1024
    local_namespace_limit = 4 * 1024 * 1024
    template_class = _Template

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        self.tags = {name: tag for name, tag in self.tags.items() if name in (*TAGS, *_INTERNAL_TAGS)}
        self.filters = {name: self.filters[name] for name in FILTERS}
        self.add_tag(_Output)


_ENVIRONMENT = _Environment()


def _text(value: object) -> str:
    if value is None or isinstance(value, Undefined):
        return ""
    if isinstance(value, (dict, list)):
        return json.dumps(value, default=as_text)
    return str(value).lower() if isinstance(value, bool) else as_text(value)


class Template:
    """A compiled template. A path that does not exist is rendered as empty text."""

    def __init__(self, compiled: BoundTemplate) -> None:
        self._compiled = compiled

    def render(self, context: PolicyContext, message: Request | Response) -> str:
        """Return the text for one message. Raises PolicyFault if the template fails or exceeds its limits."""
        return self.render_with({"body": _body_of(message), "context": _context_of(context)})

    def render_with(self, scope: Mapping[str, object]) -> str:
        """Return the text with these names defined. Raises PolicyFault."""
        try:
            return str(self._compiled.render(scope))
        except (ResourceLimitError, RecursionError) as error:
            raise PolicyFault("set-body", "LiquidLimitExceeded", _first_line(error)) from error
        except LibraryError as error:
            raise PolicyFault("set-body", "LiquidError", _first_line(error)) from error


def compile_template(parsed: Parsed) -> Template:
    """Compile set-body's text. Raises PolicyError if it cannot run here."""
    try:
        return parse_template(str(cast(Constant, parsed.text).value))
    except LiquidError as error:
        raise parsed.node.error(str(error)) from error


def parse_template(text: str) -> Template:
    """Compile a text. Raises LiquidError."""
    if text.count("{{") + text.count("{%") > MAX_MARKUP:
        raise LiquidError(f"A Liquid template with more than {MAX_MARKUP:,} outputs and tags cannot run here.")
    try:
        compiled = _ENVIRONMENT.from_string(text)
        unknown = [name for name in compiled.filter_names() if name not in FILTERS]
    except (LibraryError, RecursionError) as error:
        raise LiquidError(f"The Liquid template cannot run here: {_first_line(error)}.") from error
    if unknown:
        raise LiquidError(f"The Liquid filter '{unknown[0]}' cannot run here; known: {', '.join(FILTERS)}.")
    return Template(compiled)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0].rstrip(".") or type(error).__name__


def _body_of(message: Request | Response) -> object:
    """Return the message's body, parsed if it is JSON, else as text."""
    try:
        return json.loads(message.body.data or b"null")
    except (ValueError, RecursionError):
        return (message.body.data or b"").decode(errors="replace")


def _context_of(context: PolicyContext) -> dict[str, object]:
    """Return the part of the context that templates can read."""
    request = context.request
    return {
        "Request": {
            "Method": request.method,
            "Headers": {name: request.headers.get(name) for name, _ in request.headers},
            "OriginalUrl": {"Host": request.original_url.host, "Path": request.original_url.path},
            "Url": {"Host": request.url.host, "Path": request.url.path},
            "MatchedParameters": dict(request.matched_parameters),
        },
        "Response": None if context.response is None else {"StatusCode": context.response.status_code},
        "Variables": context.variables,
        "Api": {"Id": context.api.id, "Name": context.api.name},
        "Operation": {"Id": context.operation.id, "Name": context.operation.name},
        "RequestId": str(context.request_id),
    }
