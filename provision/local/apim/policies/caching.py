"""The policies cache-lookup-value, cache-store-value, cache-remove-value, cache-lookup and cache-store."""

from __future__ import annotations

from copy import deepcopy

from provision.local.apim.context import Body, PolicyContext, Response
from provision.local.apim.policies.elements import ANYWHERE, Attribute, Child, Element
from provision.local.apim.policies.steps import Finished, Parsed, Policy, Run, Step
from provision.local.apim.policies.values import as_integer, as_text
from provision.local.apim.services import PolicyFault

__all__ = ["POLICIES"]

TYPE = Attribute("caching-type", choices=("prefer-external", "external", "internal"), here="idle")
"""The only cache is the unit's own."""
KEY = Attribute("key", required=True, expression=True)
LOOKUP_VALUE = Element(
    "cache-lookup-value",
    (KEY, Attribute("variable-name", required=True), Attribute("default-value", "any", expression=True), TYPE),
)
STORE_VALUE = Element(
    "cache-store-value",
    (
        KEY,
        Attribute("value", "any", required=True, expression=True),
        Attribute("duration", "integer", required=True, expression=True, least=0),
        TYPE,
    ),
)
REMOVE_VALUE = Element("cache-remove-value", (KEY, TYPE))
LOOKUP = Element(
    "cache-lookup",
    (
        Attribute("vary-by-developer", "boolean", required=True, expression=True),
        Attribute("vary-by-developer-groups", "boolean", required=True, expression=True, here="idle"),
        TYPE,
        Attribute("downstream-caching-type", expression=True, choices=("none", "private", "public"), here="idle"),
        Attribute("must-revalidate", "boolean", expression=True, here="idle"),
        Attribute("allow-private-response-caching", "boolean", expression=True),
    ),
    (
        Child(Element("vary-by-header", text="literal"), 0, None),
        Child(Element("vary-by-query-parameter", text="literal"), 0, None),
    ),
)
STORE = Element(
    "cache-store",
    (
        Attribute("duration", "integer", required=True, expression=True, least=0),
        Attribute("cache-response", "boolean", expression=True),
    ),
)
_IMMUTABLE = (str, int, float, bool, bytes, type(None))


def _own(value: object) -> object:
    """Return a copy that later changes of the original do not affect: a cache contains values, not references."""
    return value if isinstance(value, _IMMUTABLE) else deepcopy(value)


class LookupValue(Step):
    """Looks a value up. On a miss the variable gets the default.

    Without a default it stays unset or becomes null, as the option `cache_miss` says.
    """

    def __init__(self, parsed: Parsed) -> None:
        self._key, self._default = parsed.required("key"), parsed.value("default-value")
        self._variable = parsed.literal("variable-name")
        super().__init__(parsed, self._key, self._default)

    def apply(self, run: Run) -> None:
        context, services = run.context, run.services
        found, value = services.cache.get(("value", as_text(self._key.get(context))), services.now())
        if found:
            context.variables[self._variable] = _own(value)
        elif self._default is not None:
            context.variables[self._variable] = self._default.get(context)
        elif services.options.cache_miss == "null":
            context.variables[self._variable] = None


class StoreValue(Step):
    def __init__(self, parsed: Parsed) -> None:
        self._key, self._value = parsed.required("key"), parsed.required("value")
        self._duration = parsed.required("duration")
        super().__init__(parsed, self._key, self._value, self._duration)

    def apply(self, run: Run) -> None:
        context, services = run.context, run.services
        seconds = as_integer(self._duration.get(context))
        if seconds < 0:
            raise PolicyFault(self.name, "ExpressionValueEvaluationFailure", "A duration cannot be negative.")
        key = ("value", as_text(self._key.get(context)))
        services.cache.store(key, _own(self._value.get(context)), services.now(), seconds)


class RemoveValue(Step):
    def __init__(self, parsed: Parsed) -> None:
        self._key = parsed.required("key")
        super().__init__(parsed, self._key)

    def apply(self, run: Run) -> None:
        run.services.cache.remove(("value", as_text(self._key.get(run.context))))


class Lookup(Step):
    """Answers a GET from the cache, or remembers the key for cache-store."""

    def __init__(self, parsed: Parsed) -> None:
        self._developer = parsed.required("vary-by-developer")
        self._private = parsed.value("allow-private-response-caching")
        self._headers = [as_text(getattr(child.text, "value", "")) for child in parsed.named("vary-by-header")]
        names = parsed.named("vary-by-query-parameter")
        self._query = {name.strip() for child in names for name in as_text(getattr(child.text, "value", "")).split(";")}
        super().__init__(parsed, self._developer, self._private)

    def apply(self, run: Run) -> None:
        context = run.context
        private = self._private is not None and self._private.get(context) is True
        if context.request.method != "GET" or ("Authorization" in context.request.headers and not private):
            return
        run.cache_key = self._key(context)
        found, value = run.services.cache.get(run.cache_key, run.services.now())
        if found and isinstance(value, Response):
            body = Body(value.body.data)
            context.response = Response(value.status_code, value.status_reason, value.headers.copy(), body)
            raise Finished

    def _key(self, context: PolicyContext) -> tuple[object, ...]:
        url, parameters = context.request.original_url, context.request.original_url.parameters()
        query = {name: tuple(values) for name, values in parameters.items() if not self._query or name in self._query}
        headers = tuple(context.request.headers.get(name) for name in self._headers)
        own = self._developer.get(context) is True and context.subscription is not None
        subscription = context.subscription.id if own and context.subscription is not None else None
        return "response", context.api.id, url.path, tuple(sorted(query.items())), headers, subscription


class Store(Step):
    def __init__(self, parsed: Parsed) -> None:
        self._duration, self._always = parsed.required("duration"), parsed.value("cache-response")
        super().__init__(parsed, self._duration, self._always)
        self.reads |= {"response.body"}

    def apply(self, run: Run) -> None:
        response = run.context.response
        if run.cache_key is None or response is None or response.body.data is None:
            return
        wanted = response.status_code == 200 if self._always is None else self._always.get(run.context) is True
        if wanted:
            body = Body(response.body.data)
            kept = Response(response.status_code, response.status_reason, response.headers.copy(), body)
            seconds = as_integer(self._duration.get(run.context))
            run.services.cache.store(run.cache_key, kept, run.services.now(), seconds)


POLICIES = (
    Policy(LOOKUP_VALUE, ANYWHERE, "PR-cache-lookup-value", LookupValue),
    Policy(STORE_VALUE, ANYWHERE, "PR-cache-store-value", StoreValue),
    Policy(REMOVE_VALUE, ANYWHERE, "PR-cache-remove-value", RemoveValue),
    Policy(LOOKUP, frozenset({"inbound"}), "PR-cache-lookup", Lookup),
    Policy(STORE, frozenset({"outbound"}), "PR-cache-store", Store),
)
