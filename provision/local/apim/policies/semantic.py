"""Semantic caching: an answer is used again for a prompt whose embedding is near enough.

The embeddings come from the backend that the policy names, through the same path as every other call, so its breaker
and its quota count them.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from operator import mul

from provision.local.apim.context import Backend, Body, Headers, PolicyContext, Request, Response, Url
from provision.local.apim.policies.elements import Attribute, Child, Element
from provision.local.apim.policies.steps import Finished, Parsed, Policy, Run, Step
from provision.local.apim.policies.values import as_integer, as_number, as_text
from provision.local.apim.services import ForwardOptions, PolicyFault

__all__ = ["POLICIES"]

RESOURCE = "https://cognitiveservices.azure.com"
API_VERSION = "2024-02-01"
"""The API version to use if the backend's URL has none."""
MAX_ENTRIES = 100
"""The most answers kept per API and vary-by. The oldest is dropped first."""
FOREVER_S = 10.0**9


def _lookup(name: str) -> Element:
    return Element(
        name,
        (
            Attribute("score-threshold", "number", required=True, expression=True, least=0, most=1),
            Attribute("embeddings-backend-id", required=True, expression=True),
            Attribute("embeddings-backend-auth", required=True, expression=True, choices=("system-assigned",)),
            Attribute("ignore-system-messages", "boolean", expression=True),
            Attribute("max-message-count", "integer", expression=True, least=1),
            Attribute("cache-id", here="idle"),
        ),
        (Child(Element("vary-by", text="expression"), 0, None),),
    )


def _store(name: str) -> Element:
    return Element(name, (Attribute("duration", "integer", required=True, expression=True, least=1),))


@dataclass(frozen=True, slots=True)
class _Entry:
    until: float
    vector: tuple[float, ...]
    response: Response


class SemanticLookup(Step):
    """Answers from the cache if a stored prompt is near enough; otherwise remembers the key for storing."""

    waits = True

    def __init__(self, parsed: Parsed) -> None:
        self._threshold, self._backend = parsed.required("score-threshold"), parsed.required("embeddings-backend-id")
        self._ignore, self._most = parsed.value("ignore-system-messages"), parsed.value("max-message-count")
        self._vary = [child.text for child in parsed.named("vary-by") if child.text is not None]
        super().__init__(parsed, self._threshold, self._backend, self._ignore, self._most, *self._vary)
        self.reads |= {"request.body"}

    async def wait(self, run: Run) -> None:
        context = run.context
        prompt = self._prompt(context)
        vector = None if prompt is None else await self._embed(run, prompt)
        if vector is None:
            return
        key = ("semantic", context.api.id, *(as_text(value.get(context)) for value in self._vary))
        run.semantic = (key, vector)
        found = _nearest(run, key, vector, as_number(self._threshold.get(context)))
        if found is not None:
            context.response = _copy(found)
            raise Finished

    def _prompt(self, context: PolicyContext) -> str | None:
        """Return the messages as one text, or None if it is no chat request or too long."""
        try:
            document = json.loads(context.request.body.data or b"null")
        except (ValueError, RecursionError):
            return None
        messages = document.get("messages", document.get("prompt")) if isinstance(document, dict) else None
        if isinstance(messages, str):
            return messages
        if not isinstance(messages, list) or document.get("stream") is True:
            return None
        if self._most is not None and len(messages) > as_integer(self._most.get(context)):
            return None
        ignore = self._ignore is not None and self._ignore.get(context) is True
        kept = [item for item in messages if isinstance(item, dict) and not (ignore and item.get("role") == "system")]
        return "\n".join(f"{item.get('role')}: {json.dumps(item.get('content'))}" for item in kept)

    async def _embed(self, run: Run, prompt: str) -> tuple[float, ...] | None:
        """Return the prompt's embedding, or log why it cannot be had and return None: the cache is not used then."""
        try:
            token = await run.services.token(RESOURCE, None)
            url = Url("https", "", 443, "", f"api-version={API_VERSION}")
            headers = Headers([("Content-Type", "application/json"), ("Authorization", f"Bearer {token}")])
            request = Request("POST", url, url, headers, Body(json.dumps({"input": prompt}).encode()))
            backend = Backend(as_text(self._backend.get(run.context)))
            call = replace(run.context, request=request, response=None, backend=backend, remaining_path="")
            await run.services.forward(call, ForwardOptions(read_response_body=True))
            return _vector(call.response)
        except PolicyFault as fault:
            reason = fault.message
        except (ValueError, TypeError, LookupError) as error:
            reason = f"no embedding came: {error}"
        run.services.record("trace", {"source": self.name, "severity": "error", "message": reason})
        return None


def _vector(response: Response | None) -> tuple[float, ...]:
    """Return the first embedding, scaled to length 1. Raises ValueError, TypeError or LookupError if there is none."""
    if response is None or response.status_code != 200:
        raise ValueError(
            "the embeddings backend answered " + ("nothing" if response is None else str(response.status_code))
        )
    values = [float(value) for value in json.loads(response.body.data or b"null")["data"][0]["embedding"]]
    length = math.sqrt(sum(value * value for value in values))
    if not length:
        raise ValueError("an embedding of length 0")
    return tuple(value / length for value in values)


def _nearest(run: Run, key: tuple[object, ...], vector: tuple[float, ...], threshold: float) -> Response | None:
    """Return the nearest answer within the threshold. Smaller thresholds ask for greater similarity (PR)."""
    now = run.services.now()
    _, kept = run.services.cache.get(key, now)
    entries = [entry for entry in kept if entry.until > now] if isinstance(kept, list) else []
    distances = [(1.0 - sum(map(mul, entry.vector, vector)), index) for index, entry in enumerate(entries)]
    distance, index = min(distances, default=(2.0, -1))
    return entries[index].response if distance <= threshold else None


def _copy(response: Response) -> Response:
    return Response(response.status_code, response.status_reason, response.headers.copy(), Body(response.body.data))


class SemanticStore(Step):
    def __init__(self, parsed: Parsed) -> None:
        self._duration = parsed.required("duration")
        super().__init__(parsed, self._duration)
        self.reads |= {"response.body"}

    def apply(self, run: Run) -> None:
        response = run.context.response
        if run.semantic is None or response is None or response.status_code != 200 or response.body.data is None:
            return
        key, vector = run.semantic
        now = run.services.now()
        _, kept = run.services.cache.get(key, now)
        entries = [entry for entry in kept if entry.until > now] if isinstance(kept, list) else []
        until = now + as_integer(self._duration.get(run.context))
        entries.append(_Entry(until, vector, _copy(response)))
        run.services.cache.store(key, entries[-MAX_ENTRIES:], now, FOREVER_S)


_NOTE = "on a hit, no later policy runs"
POLICIES = tuple(
    policy
    for name in ("llm-semantic-cache", "azure-openai-semantic-cache")
    for policy in (
        Policy(_lookup(f"{name}-lookup"), frozenset({"inbound"}), f"PR-{name}-lookup", SemanticLookup, note=_NOTE),
        Policy(_store(f"{name}-store"), frozenset({"outbound"}), f"PR-{name}-store", SemanticStore),
    )
)
