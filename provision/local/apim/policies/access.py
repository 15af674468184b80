"""The policies check-header, ip-filter and cors."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from provision.local.apim.context import PolicyContext, Request, Response
from provision.local.apim.policies.answers import error_response
from provision.local.apim.policies.elements import Attribute, Child, Element
from provision.local.apim.policies.steps import Finished, Parsed, Policy, Run, Step
from provision.local.apim.policies.values import Value, as_boolean, as_text
from provision.local.apim.services import PolicyFault

__all__ = ["POLICIES", "Cors"]

CHECK_HEADER = Element(
    "check-header",
    (
        Attribute("name", required=True, expression=True),
        Attribute("failed-check-httpcode", "integer", required=True, expression=True, least=100, most=999),
        Attribute("failed-check-error-message", required=True, expression=True),
        Attribute("ignore-case", "boolean", expression=True),
    ),
    (Child(Element("value", text="expression"), 0, None),),
)
IP_FILTER = Element(
    "ip-filter",
    (Attribute("action", required=True, expression=True),),
    (
        Child(Element("address", text="expression"), 0, None),
        Child(
            Element(
                "address-range",
                (Attribute("from", required=True, expression=True), Attribute("to", required=True, expression=True)),
            ),
            0,
            None,
        ),
    ),
)
CORS = Element(
    "cors",
    (
        Attribute("allow-credentials", "boolean", expression=True),
        Attribute("terminate-unmatched-request", "boolean", expression=True),
    ),
    (
        Child(Element("allowed-origins", children=(Child(Element("origin", text="literal"), 1, None),)), 1),
        Child(
            Element(
                "allowed-methods",
                (Attribute("preflight-result-max-age", "integer", expression=True, least=0),),
                (Child(Element("method", text="literal"), 1, None),),
            )
        ),
        Child(Element("allowed-headers", children=(Child(Element("header", text="literal"), 1, None),))),
        Child(Element("expose-headers", children=(Child(Element("header", text="literal"), 1, None),))),
    ),
)


class CheckHeader(Step):
    """Refuses a request that lacks the header, or has a value that is not listed."""

    def __init__(self, parsed: Parsed) -> None:
        self._header, self._message = parsed.required("name"), parsed.required("failed-check-error-message")
        self._status, self._ignore_case = parsed.required("failed-check-httpcode"), parsed.value("ignore-case")
        self._values = [child.text for child in parsed.named("value") if child.text is not None]
        super().__init__(parsed, self._header, self._message, self._status, self._ignore_case, *self._values)

    def apply(self, run: Run) -> None:
        context = run.context
        name = as_text(self._header.get(context))
        found = context.request.headers.get(name)
        if found is None:
            message = f"Header {name} was not found in the request. Access denied."
            raise self._refused(context, "HeaderNotFound", message)
        allowed = [as_text(value.get(context)) for value in self._values]
        if self._ignore_case is not None and self._ignore_case.get(context) is True:
            matches = not allowed or found.lower() in (value.lower() for value in allowed)
        else:
            matches = not allowed or found in allowed
        if not matches:
            message = f"Header {name} value of {found} is not allowed. Access denied."
            raise self._refused(context, "HeaderValueNotAllowed", message)

    def _refused(self, context: PolicyContext, reason: str, message: str) -> PolicyFault:
        status = self._status.get(context)
        answer = error_response(status if isinstance(status, int) else 401, as_text(self._message.get(context)))
        return PolicyFault(self.name, reason, message, answer.status_code, response=answer)


Address = IPv4Address | IPv6Address


class IpFilter(Step):
    def __init__(self, parsed: Parsed) -> None:
        self._action = parsed.required("action")
        self._addresses = [child.text for child in parsed.named("address") if child.text is not None]
        self._ranges = [(child.required("from"), child.required("to")) for child in parsed.named("address-range")]
        ends = [value for pair in self._ranges for value in pair]
        super().__init__(parsed, self._action, *self._addresses, *ends)
        if self._action.constant and parsed.literal("action") not in ("allow", "forbid"):
            raise parsed.node.error("The 'action' attribute must be allow or forbid.")
        if not self._addresses and not self._ranges:
            raise parsed.node.error("At least one 'address' or 'address-range' must be specified.")
        for value in (*self._addresses, *ends):
            self._check(parsed, value)

    def _check(self, parsed: Parsed, value: Value) -> None:
        if value.constant:
            try:
                ip_network(str(getattr(value, "value", "")), strict=False)
            except ValueError as error:
                raise parsed.node.error(f"Not an IP address: {error}.") from error

    def apply(self, run: Run) -> None:
        context = run.context
        caller = _address(context.request.ip_address, self.name)
        listed = self._listed(caller, context)
        if as_text(self._action.get(context)) == "allow" and not listed:
            message = f"Caller IP address {caller} is not allowed. Access denied."
            raise PolicyFault(self.name, "CallerIpNotAllowed", message, 403)
        if as_text(self._action.get(context)) == "forbid" and listed:
            raise PolicyFault(self.name, "CallerIpBlocked", "Caller IP address is blocked. Access denied.", 403)

    def _listed(self, caller: Address, context: PolicyContext) -> bool:
        try:
            if any(caller in ip_network(as_text(value.get(context)), strict=False) for value in self._addresses):
                return True
        except ValueError as error:
            raise PolicyFault(self.name, "InvalidIpAddress", f"Not an IP address: {error}.") from error
        return any(self._within(caller, low, high, context) for low, high in self._ranges)

    def _within(self, caller: Address, low: Value, high: Value, context: PolicyContext) -> bool:
        first, last = (_address(as_text(value.get(context)), self.name) for value in (low, high))
        return first.version == caller.version == last.version and int(first) <= int(caller) <= int(last)


def _address(text: str, source: str) -> Address:
    try:
        return ip_address(text)
    except ValueError as error:
        raise PolicyFault(source, "FailedToParseCallerIP", f"Not an IP address: {text}.", 403) from error


class Cors(Step):
    """Answers preflight requests itself, and adds CORS headers to other answers for allowed origins [PR-cors]."""

    def __init__(self, parsed: Parsed) -> None:
        self._credentials = parsed.value("allow-credentials")
        self._terminate = parsed.value("terminate-unmatched-request")
        self._origins = _texts(parsed, "allowed-origins", "origin")
        self._methods = {method.upper() for method in _texts(parsed, "allowed-methods", "method")} or {"GET", "POST"}
        self._headers = {name.lower() for name in _texts(parsed, "allowed-headers", "header")}
        self._exposed = _texts(parsed, "expose-headers", "header")
        methods = parsed.first("allowed-methods")
        self._max_age = None if methods is None else methods.value("preflight-result-max-age")
        super().__init__(parsed, self._credentials, self._terminate, self._max_age)

    def apply(self, run: Run) -> None:
        context = run.context
        request = context.request
        origin = request.headers.get("Origin")
        if origin is None:
            return
        preflight = request.method == "OPTIONS" and request.headers.get("Access-Control-Request-Method") is not None
        if self._allowed(origin) and (not preflight or self._preflight_allowed(request)):
            if preflight:
                context.response = self._preflight(request, origin, context)
                raise Finished
            run.later(lambda: self._mark(context, origin))
        elif self._terminate is None or as_boolean(self._terminate.get(context)):
            context.response = Response(200, "OK")
            raise Finished

    def _allowed(self, origin: str) -> bool:
        return "*" in self._origins or any(origin.lower() == known.rstrip("/").lower() for known in self._origins)

    def _preflight_allowed(self, request: Request) -> bool:
        method = (request.headers.get("Access-Control-Request-Method") or "").upper()
        listed = request.headers.get("Access-Control-Request-Headers") or ""
        asked = [name.strip().lower() for name in listed.split(",")]
        headers_fine = "*" in self._headers or all(name in self._headers for name in asked if name)
        return ("*" in self._methods or method in self._methods) and headers_fine

    def _preflight(self, request: Request, origin: str, context: PolicyContext) -> Response:
        response = Response(200, "OK")
        self._origin_headers(response, origin, context)
        method = request.headers.get("Access-Control-Request-Method") or ""
        response.headers.append("Access-Control-Allow-Methods", method)
        asked = request.headers.get("Access-Control-Request-Headers")
        if asked is not None:
            response.headers.append("Access-Control-Allow-Headers", asked)
        if self._max_age is not None:
            response.headers.append("Access-Control-Max-Age", as_text(self._max_age.get(context)))
        return response

    def _mark(self, context: PolicyContext, origin: str) -> None:
        if context.response is None:
            return
        self._origin_headers(context.response, origin, context)
        if self._exposed:
            context.response.headers.replace("Access-Control-Expose-Headers", [",".join(self._exposed)])

    def _origin_headers(self, response: Response, origin: str, context: PolicyContext) -> None:
        credentials = self._credentials is not None and as_boolean(self._credentials.get(context))
        any_origin = "*" in self._origins and not credentials
        response.headers.replace("Access-Control-Allow-Origin", ["*" if any_origin else origin])
        if not any_origin:
            response.headers.replace("Vary", ["Origin"])
        if credentials:
            response.headers.replace("Access-Control-Allow-Credentials", ["true"])


def _texts(parsed: Parsed, group: str, name: str) -> list[str]:
    found = parsed.first(group)
    return [] if found is None else [as_text(getattr(child.text, "value", "")) for child in found.named(name)]


INBOUND = frozenset({"inbound"})
POLICIES = (
    Policy(CHECK_HEADER, INBOUND, "D-ERR, PR-check-header", CheckHeader),
    Policy(IP_FILTER, INBOUND, "D-ERR, PR-ip-filter", IpFilter),
    Policy(CORS, INBOUND, "PR-cors", Cors, once=True),
)
