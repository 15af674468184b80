"""Policies that change the message: its headers, query, body, status and method, and variables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provision.local.apim.context import Body, Headers, PolicyContext, Request, Response
from provision.local.apim.expressions import to_text
from provision.local.apim.policies.elements import ANYWHERE, Attribute, Child, Element
from provision.local.apim.policies.steps import Parsed, Policy, Run, Step, reads_of
from provision.local.apim.policies.targets import rewrite
from provision.local.apim.policies.values import Constant, Value, as_text
from provision.local.apim.services import PolicyFault

if TYPE_CHECKING:
    from provision.local.apim.policies.liquid import Template

__all__ = ["POLICIES", "SET_BODY", "SET_HEADER", "SET_METHOD", "SET_STATUS", "BodyEdit", "HeaderEdit", "StatusEdit"]

VALUE = Element("value", text="expression")
EXISTS = Attribute("exists-action", choices=("override", "skip", "append", "delete"))
SET_HEADER = Element(
    "set-header", (Attribute("name", required=True, expression=True), EXISTS), (Child(VALUE, most=None),)
)
SET_QUERY = Element(
    "set-query-parameter", (Attribute("name", required=True, expression=True), EXISTS), (Child(VALUE, most=None),)
)
SET_BODY = Element(
    "set-body",
    (
        Attribute("template", choices=("none", "liquid")),
        Attribute("xsi-nil", choices=("blank", "null"), here="idle"),
        Attribute("parse-date", "boolean", here="idle"),
        Attribute("use-value-element", "boolean", here="idle"),
    ),
    text="expression",
    keep_space=True,
    markup=True,
)
SET_METHOD = Element("set-method", text="expression")
SET_STATUS = Element(
    "set-status",
    (
        Attribute("code", "integer", required=True, expression=True, least=100, most=999),
        Attribute("reason", expression=True),
    ),
)
SET_VARIABLE = Element(
    "set-variable", (Attribute("name", required=True), Attribute("value", "any", required=True, expression=True))
)
REWRITE = Element(
    "rewrite-uri",
    (Attribute("template", required=True, expression=True), Attribute("copy-unmatched-params", "boolean")),
)
FIND = Element(
    "find-and-replace",
    (Attribute("from", required=True, expression=True), Attribute("to", required=True, expression=True)),
)

FORBIDDEN = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})
"""Headers that set-header must not change [PR-set-header]."""
SEPARATE = frozenset(
    {"user-agent", "www-authenticate", "proxy-authenticate", "cookie", "set-cookie", "warning", "date", "expires"}
    | {"if-modified-since", "if-unmodified-since", "last-modified", "retry-after", "if-range"}
)
"""Headers whose values are never joined by a comma."""
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNSAFE = re.compile(r"[\r\n\0]")


def _check_name(name: str) -> str | None:
    """Return the reason why set-header may not set this header, or None if it may."""
    if not _TOKEN.fullmatch(name):
        return f"'{name}' is not a valid header name."
    return f"Header '{name}' cannot be changed by a policy." if name.lower() in FORBIDDEN else None


def _values(parsed: Parsed) -> tuple[Value, ...]:
    """Return the values of the `value` children. An empty one is the empty text."""
    return tuple(Constant("") if child.text is None else child.text for child in parsed.named("value"))


class HeaderEdit:
    """The change of headers that one set-header makes, in a section or inside another policy."""

    __slots__ = ("_action", "_fixed", "_name", "_separate", "_simple", "_single", "_values", "reads")

    def __init__(self, parsed: Parsed) -> None:
        self._name = parsed.required("name")
        self._action = parsed.literal("exists-action", "override")
        self._values = _values(parsed)
        self._single = self._values[0] if len(self._values) == 1 else None
        self._simple = self._action == "override"  # by far the most frequent case: one value for one name
        self._fixed = parsed.literal("name") if self._name.constant else None
        self._separate = self._fixed is not None and self._fixed.lower() in SEPARATE
        self.reads = reads_of((self._name, *self._values))
        problem = _check_name(self._fixed) if self._fixed is not None else None
        if problem is not None:
            raise parsed.node.error(problem)
        if not self._values and self._action != "delete":
            raise parsed.node.error("A 'value' is needed unless exists-action is delete.")

    def apply(self, headers: Headers, context: PolicyContext) -> None:
        if self._simple and self._fixed is not None and self._single is not None:
            headers.replace(self._fixed, (_safe(as_text(self._single.get(context))),))
        else:
            self._edit(headers, context)

    def _edit(self, headers: Headers, context: PolicyContext) -> None:
        name = self._fixed if self._fixed is not None else self._dynamic_name(context)
        action = self._action
        if action == "delete":
            headers.remove(name)
        elif action != "skip" or name not in headers:
            values = self._texts(context)
            if action == "append":
                values = headers.get_all(name) + values
            joined = len(values) > 1 and not (self._separate or name.lower() in SEPARATE)
            headers.replace(name, [",".join(values)] if joined else values)

    def _dynamic_name(self, context: PolicyContext) -> str:
        name = as_text(self._name.get(context))
        problem = _check_name(name)
        if problem is not None:
            raise PolicyFault("set-header", "InvalidHeader", problem)
        return name

    def _texts(self, context: PolicyContext) -> list[str]:
        values = self._values if self._single is None else (self._single,)
        return [_safe(as_text(value.get(context))) for value in values]


def _safe(text: str) -> str:
    """Return a header's value. Raises PolicyFault if it contains a line break, which would begin another header."""
    if not text.isprintable() and _UNSAFE.search(text) is not None:
        raise PolicyFault("set-header", "InvalidHeader", "A header's value cannot hold line breaks.")
    return text


class SetHeader(Step):
    def __init__(self, parsed: Parsed) -> None:
        super().__init__(parsed)
        self._edit = HeaderEdit(parsed)
        self.reads = self._edit.reads

    def apply(self, run: Run) -> None:
        self._edit.apply(run.message().headers, run.context)


class SetQueryParameter(Step):
    def __init__(self, parsed: Parsed) -> None:
        self._name = parsed.required("name")
        self._action = parsed.literal("exists-action", "override")
        self._values = _values(parsed)
        super().__init__(parsed, self._name, *self._values)

    def apply(self, run: Run) -> None:
        context = run.context
        name = as_text(self._name.get(context))
        parameters = context.request.url.parameters()
        existing = next((known for known in parameters if known.lower() == name.lower()), name)
        if self._action == "delete":
            parameters.pop(existing, None)
        elif self._action != "skip" or existing not in parameters:
            kept = parameters.get(existing, []) if self._action == "append" else []
            parameters[existing] = kept + [as_text(value.get(context)) for value in self._values]
        context.request.url.set_parameters(parameters)


class BodyEdit:
    """The body that one set-body makes from its text."""

    __slots__ = ("_template", "_value", "reads")

    def __init__(self, parsed: Parsed) -> None:
        self._value: Value | None = parsed.text
        self._template: Template | None = None
        self.reads = reads_of((self._value,))
        if parsed.literal("template") == "liquid" and self._value is not None and self._value.constant:
            # Imported here because the library takes most of a second to load, and few policies need it.
            from provision.local.apim.policies.liquid import compile_template

            self._template = compile_template(parsed)
            self.reads |= {"request.body" if parsed.place.on_request else "response.body"}

    def body(self, context: PolicyContext, message: Request | Response) -> Body:
        if self._template is not None:
            return Body(self._template.render(context, message).encode())
        value = None if self._value is None else self._value.get(context)
        if isinstance(value, (bytes, bytearray)):
            return Body(bytes(value))
        return Body(b"" if value is None else to_text(value).encode(errors="replace"))


class SetBody(Step):
    def __init__(self, parsed: Parsed) -> None:
        super().__init__(parsed)
        self._edit = BodyEdit(parsed)
        self.reads = self._edit.reads

    def apply(self, run: Run) -> None:
        message = run.message()
        message.body = self._edit.body(run.context, message)


class StatusEdit:
    """The status and reason that one set-status sets."""

    __slots__ = ("_code", "_reason", "reads")

    def __init__(self, parsed: Parsed) -> None:
        self._code, self._reason = parsed.required("code"), parsed.value("reason")
        self.reads = reads_of((self._code, self._reason))

    def apply(self, response: Response, context: PolicyContext) -> None:
        code = self._code.get(context)
        if not isinstance(code, int) or not 100 <= code <= 999:
            raise PolicyFault("set-status", "InvalidStatusCode", f"{code} is not an HTTP status.")
        reason = "" if self._reason is None else as_text(self._reason.get(context))
        response.status_code, response.status_reason = code, _UNSAFE.sub(" ", reason)


class SetStatus(Step):
    def __init__(self, parsed: Parsed) -> None:
        super().__init__(parsed)
        self._edit = StatusEdit(parsed)
        self.reads = self._edit.reads

    def apply(self, run: Run) -> None:
        context = run.context
        if context.response is None:
            context.response = Response(200, "OK")
        self._edit.apply(context.response, context)


class SetMethod(Step):
    def __init__(self, parsed: Parsed) -> None:
        if parsed.text is None:
            raise parsed.node.error("The element 'set-method' needs a method.")
        self._method: Value = parsed.text
        super().__init__(parsed, self._method)

    def apply(self, run: Run) -> None:
        run.context.request.method = method_of(self._method, run.context)


def method_of(value: Value, context: PolicyContext) -> str:
    """Return an HTTP method. Raises PolicyFault if it is no token."""
    method = as_text(value.get(context)).strip().upper()
    if not _TOKEN.fullmatch(method):
        raise PolicyFault("set-method", "InvalidMethod", f"'{method}' is not an HTTP method.")
    return method


class SetVariable(Step):
    def __init__(self, parsed: Parsed) -> None:
        self._variable = parsed.literal("name")
        self._value = parsed.required("value")
        super().__init__(parsed, self._value)

    def apply(self, run: Run) -> None:
        context = run.context
        context.variables[self._variable] = self._value.get(context)


class RewriteUri(Step):
    def __init__(self, parsed: Parsed) -> None:
        self._template = parsed.required("template")
        self._copy = parsed.flag("copy-unmatched-params", True)
        super().__init__(parsed, self._template)

    def apply(self, run: Run) -> None:
        rewrite(run.context, as_text(self._template.get(run.context)), self._copy)


class FindAndReplace(Step):
    def __init__(self, parsed: Parsed) -> None:
        self._from, self._to = parsed.required("from"), parsed.required("to")
        super().__init__(parsed, self._from, self._to)
        self.reads |= {"request.body" if parsed.place.on_request else "response.body"}

    def apply(self, run: Run) -> None:
        message = run.message()
        wanted = as_text(self._from.get(run.context)).encode()
        if wanted and message.body.data is not None:
            message.body = Body(message.body.data.replace(wanted, as_text(self._to.get(run.context)).encode()))


POLICIES = (
    Policy(SET_HEADER, ANYWHERE, "PR-set-header", SetHeader),
    Policy(SET_QUERY, ANYWHERE, "PR-set-query-parameter", SetQueryParameter),
    Policy(SET_BODY, ANYWHERE, "PR-set-body", SetBody, note='for `template="liquid"` see below'),
    Policy(SET_STATUS, ANYWHERE, "PR-set-status", SetStatus),
    Policy(SET_METHOD, ANYWHERE, "PR-set-method", SetMethod),
    Policy(SET_VARIABLE, ANYWHERE, "PR-set-variable", SetVariable),
    Policy(REWRITE, frozenset({"inbound", "backend"}), "PR-rewrite-uri", RewriteUri),
    Policy(FIND, ANYWHERE, "PR-find-and-replace", FindAndReplace),
)
