"""The destination of a request: the base URL, the remaining path, and the URL that policies see."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from provision.local.apim.context import PolicyContext, Url
from provision.local.apim.services import PolicyFault

__all__ = ["parse_url", "rewrite", "set_base_url"]

_PORTS = {"http": 80, "https": 443}
_PARAMETER = re.compile(r"\{\*?([^{}*]+)\}")


def parse_url(text: str, source: str) -> Url:
    """Return an absolute http or https URL in parts. Raises PolicyFault for any other."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise PolicyFault(source, "InvalidUrl", f"The URL is not valid: {error}.") from error
    if parts.scheme not in _PORTS or not parts.hostname or re.search(r"[\x00-\x20]", text.strip()):
        raise PolicyFault(source, "InvalidUrl", "The URL must be absolute, with scheme http or https.")
    return Url(
        parts.scheme, parts.hostname, _PORTS[parts.scheme] if port is None else port, parts.path or "/", parts.query
    )


def set_base_url(context: PolicyContext, base_url: str, source: str) -> None:
    """Send the request to another base. The remaining path and the query are kept. Raises PolicyFault."""
    base = parse_url(base_url, source)
    path = base.path.rstrip("/") + context.remaining_path
    context.base_url = base_url
    context.request.url = Url(base.scheme, base.host, base.port, path or "/", context.request.url.query)


def rewrite(context: PolicyContext, template: str, copy_unmatched: bool) -> None:
    """Replace the remaining path by a template, whose `{name}` are the operation's matched parameters."""
    matched = context.request.matched_parameters
    text = _PARAMETER.sub(lambda match: matched.get(match.group(1), match.group()), template)
    path, _, query = text.partition("?")
    path = path if path.startswith("/") else f"/{path}"
    url = context.request.url
    used = Url(url.scheme, url.host, url.port, path, query).parameters()
    if copy_unmatched:
        declared = set(_PARAMETER.findall(context.operation.url_template.partition("?")[2]))
        kept = {name: values for name, values in url.parameters().items() if name not in declared and name not in used}
        used = {**used, **kept}
    _replace_remaining(context, path)
    context.request.url.set_parameters(used)


def _replace_remaining(context: PolicyContext, path: str) -> None:
    url = context.request.url
    base = url.path.removesuffix(context.remaining_path) if context.remaining_path else url.path
    url.path = base.rstrip("/") + path
    context.remaining_path = path
