"""Registers the members of `context` and its parts, which read the gateway's data classes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from provision.local.apim import context as data
from provision.local.apim.expressions.errors import EvaluationError, Thrown
from provision.local.apim.expressions.library.collections_ import missing_key
from provision.local.apim.expressions.library.json_convert import to_object
from provision.local.apim.expressions.library.jtokens import JToken, parse
from provision.local.apim.expressions.library.table import Table
from provision.local.apim.expressions.runtime.casts import default_of, is_instance
from provision.local.apim.expressions.runtime.frame import Frame, charge
from provision.local.apim.expressions.runtime.iteration import ITERATORS
from provision.local.apim.expressions.runtime.text import FORMATTERS
from provision.local.apim.expressions.runtime.values import Array, KeyValuePair, Sequence

__all__ = ["BODY_READERS", "CONTEXT", "Lookup"]

_SPACE = "Microsoft.Azure.ApiManagement.Proxy"
CONTEXT = Table("IProxyRequestContext", (data.PolicyContext,), _SPACE, bases=("object",), source="5.4")
VARIABLES = Table("Variables", (dict,), _SPACE, bases=("object",), source="5.4")
REQUEST = Table("IRequest", (data.Request,), _SPACE, bases=("object",), source="5.4")
RESPONSE = Table("IResponse", (data.Response,), _SPACE, bases=("object",), source="5.4")
HEADERS = Table("Headers", (data.Headers,), _SPACE, bases=("IEnumerable",), source="5.4")
URL = Table("IUrl", (data.Url,), _SPACE, bases=("object",), source="5.4")
BODY = Table("IMessageBody", (data.Body,), _SPACE, bases=("object",), source="5.4")
ERROR = Table("ILastError", (data.LastError,), _SPACE, bases=("object",), source="4.2")

for _name, _type in (
    ("Variables", "Variables"), ("Request", "IRequest"), ("Response", "IResponse"), ("Api", "IApi"),
    ("Operation", "IOperation"), ("Product", "IProduct"), ("Subscription", "ISubscription"), ("User", "IUser"),
    ("LastError", "ILastError"), ("Deployment", "IDeployment"), ("Backend", "IBackend"),
):  # fmt: skip
    CONTEXT.member(f"{_type} {_name}")(
        {
            "Variables": lambda c: c.variables,
            "Request": lambda c: c.request,
            "Response": lambda c: c.response,
            "Api": lambda c: c.api,
            "Operation": lambda c: c.operation,
            "Product": lambda c: c.product,
            "Subscription": lambda c: c.subscription,
            "User": lambda c: c.user,
            "LastError": lambda c: c.last_error,
            "Deployment": lambda c: c.deployment,
            "Backend": lambda c: c.backend,
        }[_name]
    )
CONTEXT.member("Guid RequestId")(lambda c: c.request_id)
CONTEXT.member("bool Tracing")(lambda c: c.tracing)


@CONTEXT.member("void Trace(string message)")
def trace(context: data.PolicyContext, message: str) -> None:
    charge(1)
    context.traces.append({"source": "expression", "severity": "verbose", "message": message})


@VARIABLES.member("object this[string name]")
def variable(values: dict[str, object], name: str) -> object:
    if name not in values:
        raise missing_key(name)
    return values[name]


@VARIABLES.member("bool ContainsKey(string name)")
def has_variable(values: dict[str, object], name: str) -> bool:
    return name in values


@VARIABLES.member("int Count")
def count(values: dict[str, object]) -> int:
    return len(values)


@VARIABLES.member("IEnumerable<string> Keys")
def names(values: dict[str, object]) -> Sequence:
    return Sequence(values)


@VARIABLES.member("bool TryGetValue(string name, out object value)")
def try_get(values: dict[str, object], name: str) -> tuple[bool, object]:
    return name in values, values.get(name)


@VARIABLES.member("T GetValueOrDefault<T>(string name, T defaultValue?)", metered=True)
def variable_or_default(
    frame: Frame, values: dict[str, object], wanted: str | None, name: str, default: object = None
) -> object:
    """Return a variable as T, or the default if it is absent.

    If it has another type, raises Thrown (InvalidCastException) or returns the default, as the lab's option
    `variable_type_mismatch` says.
    """
    target = wanted or "object"
    fallback = default_of(target) if default is None else default
    value = values.get(name)
    if value is None:
        return fallback
    if is_instance(value, target):
        return value
    if not frame.strict_variables:
        return fallback
    raise Thrown("InvalidCastException", f"Unable to cast the variable '{name}' to type '{target}'.")


ITERATORS[dict] = lambda values: [KeyValuePair(name, value) for name, value in values.items()]


@HEADERS.member("string[] this[string name]")
def header(headers: data.Headers, name: str) -> Array:
    values = headers.get_all(name)
    if not values:
        raise missing_key(name)
    return Array(values)


@HEADERS.member("string GetValueOrDefault(string name, string defaultValue?)")
def header_or_default(headers: data.Headers, name: str, default: str | None = None) -> str | None:
    found = headers.get(name)
    return default if found is None else found


@HEADERS.member("string[] GetValueOrDefault(string name, string[] defaultValue)")
def header_values(headers: data.Headers, name: str, default: Array | None) -> Array | None:
    values = headers.get_all(name)
    return Array(values) if values else default


@HEADERS.member("bool ContainsKey(string name)")
def has_header(headers: data.Headers, name: str) -> bool:
    return name in headers


@HEADERS.member("bool TryGetValue(string name, out string[] value)")
def try_get_header(headers: data.Headers, name: str) -> tuple[bool, Array | None]:
    values = headers.get_all(name)
    return bool(values), Array(values) if values else None


def _header_pairs(headers: data.Headers) -> list[KeyValuePair]:
    seen: dict[str, tuple[str, Array]] = {}
    for name, value in headers:
        seen.setdefault(name.lower(), (name, Array()))[1].append(value)
    return [KeyValuePair(name, values) for name, values in seen.values()]


ITERATORS[data.Headers] = _header_pairs
HEADERS.member("int Count")(lambda headers: len(_header_pairs(headers)))
HEADERS.member("IEnumerable<string> Keys")(lambda headers: Sequence(pair.key for pair in _header_pairs(headers)))
HEADERS.member("IEnumerable<string[]> Values")(lambda headers: Sequence(pair.value for pair in _header_pairs(headers)))


class Lookup:
    """A read-only mapping of names to several values, such as a query's parameters."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, list[str]]) -> None:
        self.values = values

    def find(self, name: str) -> list[str] | None:
        """Return the values of a name, compared without case, or None."""
        wanted = name.lower()
        return next((values for key, values in self.values.items() if key.lower() == wanted), None)


LOOKUP = Table("Lookup", (Lookup,), _SPACE, bases=("IEnumerable",), source="5.4")
ITERATORS[Lookup] = lambda lookup: [KeyValuePair(name, Array(values)) for name, values in lookup.values.items()]


@LOOKUP.member("string[] this[string name]")
def looked_up(lookup: Lookup, name: str) -> Array:
    found = lookup.find(name)
    if found is None:
        raise missing_key(name)
    return Array(found)


@LOOKUP.member("string GetValueOrDefault(string name, string defaultValue?)")
def looked_up_or_default(lookup: Lookup, name: str, default: str | None = None) -> str | None:
    """Return the values of a name joined by commas, or the default if there are none."""
    found = lookup.find(name)
    return default if found is None else ",".join(found)


@LOOKUP.member("string[] GetValueOrDefault(string name, string[] defaultValue)")
def looked_up_values(lookup: Lookup, name: str, default: Array | None) -> Array | None:
    found = lookup.find(name)
    return default if found is None else Array(found)


@LOOKUP.member("bool ContainsKey(string name)")
def is_looked_up(lookup: Lookup, name: str) -> bool:
    return lookup.find(name) is not None


@LOOKUP.member("bool TryGetValue(string name, out string[] value)")
def try_look_up(lookup: Lookup, name: str) -> tuple[bool, Array | None]:
    found = lookup.find(name)
    return found is not None, None if found is None else Array(found)


LOOKUP.member("int Count")(lambda lookup: len(lookup.values))
LOOKUP.member("IEnumerable<string> Keys")(lambda lookup: Sequence(lookup.values))


class Parameters:
    """The values of the URL template's parameters in this request's URL."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values


PARAMETERS = Table("MatchedParameters", (Parameters,), _SPACE, bases=("IEnumerable",), source="5.4")
ITERATORS[Parameters] = lambda one: [KeyValuePair(name, value) for name, value in one.values.items()]


@PARAMETERS.member("string this[string name]")
def parameter(parameters: Parameters, name: str) -> str:
    if name not in parameters.values:
        raise missing_key(name)
    return parameters.values[name]


@PARAMETERS.member("string GetValueOrDefault(string name, string defaultValue?)")
def parameter_or_default(parameters: Parameters, name: str, default: str | None = None) -> str | None:
    return parameters.values.get(name, default)


@PARAMETERS.member("bool ContainsKey(string name)")
def has_parameter(parameters: Parameters, name: str) -> bool:
    return name in parameters.values


@PARAMETERS.member("bool TryGetValue(string name, out string value)")
def try_get_parameter(parameters: Parameters, name: str) -> tuple[bool, str | None]:
    return name in parameters.values, parameters.values.get(name)


PARAMETERS.member("int Count")(lambda parameters: len(parameters.values))
PARAMETERS.member("IEnumerable<string> Keys")(lambda parameters: Sequence(parameters.values))


@dataclass(slots=True, frozen=True)
class Foundry:
    """`context.Request.Foundry`: the model that a request is for."""

    request: data.Request


FOUNDRY = Table("IFoundry", (Foundry,), _SPACE, bases=("object",), source="5.4")


@FOUNDRY.member("string Deployment")
def foundry_deployment(foundry: Foundry) -> str | None:
    """Return the deployment in the URL's path, or else the body's `model`, or else null."""
    named = foundry.request.matched_parameters.get("deployment-id")
    if named is not None:
        return named
    try:
        body = json.loads(foundry.request.body.data or b"null")
    except (ValueError, RecursionError):
        return None
    model = body.get("model") if isinstance(body, dict) else None
    return model if isinstance(model, str) else None


REQUEST.member("string Method")(lambda request: request.method)
REQUEST.member("IUrl Url")(lambda request: request.url)
REQUEST.member("IUrl OriginalUrl")(lambda request: request.original_url)
REQUEST.member("Headers Headers")(lambda request: request.headers)
REQUEST.member("string IpAddress")(lambda request: request.ip_address)
REQUEST.member("MatchedParameters MatchedParameters")(lambda request: Parameters(request.matched_parameters))
REQUEST.member("IFoundry Foundry")(Foundry)
REQUEST.member("X509Certificate2 Certificate")(lambda request: None)
RESPONSE.member("int StatusCode")(lambda response: response.status_code)
RESPONSE.member("string StatusReason")(lambda response: response.status_reason)
RESPONSE.member("Headers Headers")(lambda response: response.headers)


def _body(message: data.Request | data.Response) -> data.Body | None:
    """Return the message's body, or null if it has none."""
    body = message.body
    return None if body.data == b"" and body.stream is None and not body.consumed else body


REQUEST.member("IMessageBody Body")(_body)
RESPONSE.member("IMessageBody Body")(_body)

URL.member("string Scheme")(lambda url: url.scheme)
URL.member("string Host")(lambda url: url.host)
URL.member("int Port")(lambda url: url.port)
URL.member("string Path")(lambda url: url.path)
URL.member("string QueryString")(lambda url: f"?{url.query}" if url.query else "")
URL.member("Lookup Query")(lambda url: Lookup(url.parameters()))
FORMATTERS[data.Url] = lambda url, pattern: str(url)


BODY_READERS: dict[str, Callable[[str], object]] = {}
"""Functions that parse a body's text as a type of another module, such as XDocument, by type name."""


@BODY.member("T As<T>(bool preserveContent?)", source="5.1")
def body_as(body: data.Body, wanted: str | None, preserve: bool = False) -> object:
    """Return the body as text, bytes, or a JSON or XML tree.

    Without `preserve` (C#'s preserveContent) it can be read only once: later reads get an empty body.
    """
    if body.data is None:
        raise EvaluationError("The message body is still arriving", "InvalidOperationException")
    content = b"" if body.consumed else body.data
    charge(len(content) >> 6)
    if not preserve:
        body.consumed = True
    target = wanted or "string"
    if target == "byte[]":
        return content
    text = content.decode("utf-8", "replace").removeprefix("\ufeff")
    return text if target == "string" else _tree(text, target)


@BODY.member("Lookup AsFormUrlEncodedContent(bool preserveContent?)", source="5.1")
def body_as_form(body: data.Body, preserve: bool = False) -> Lookup:
    """Return the fields of a form. A field may have several values."""
    fields: dict[str, list[str]] = {}
    text = body_as(body, "string", preserve)
    for name, value in parse_qsl(str(text), keep_blank_values=True, max_num_fields=10_000):
        fields.setdefault(name, []).append(value)
    return Lookup(fields)


def _tree(text: str, target: str) -> object:
    reader = BODY_READERS.get(target)
    if reader is not None:
        return reader(text)
    if not text.strip():
        return None
    token: JToken = parse(text)
    return to_object(token, target)


ERROR.member("string Source")(lambda error: error.source)
ERROR.member("string Reason")(lambda error: error.reason)
ERROR.member("string Message")(lambda error: error.message)
ERROR.member("string Scope")(lambda error: error.scope)
ERROR.member("string Section")(lambda error: error.section)
ERROR.member("string Path")(lambda error: error.path)
ERROR.member("string PolicyId")(lambda error: error.policy_id)
