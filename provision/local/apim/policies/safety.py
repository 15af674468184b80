"""The policy llm-content-safety: sends prompts or completions to the content safety service of the policy's backend."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from provision.local.apim.context import Backend, Body, Headers, Request, Response, Url
from provision.local.apim.policies.answers import error_response
from provision.local.apim.policies.elements import Attribute, Child, Element
from provision.local.apim.policies.steps import Parsed, Policy, Run, Step
from provision.local.apim.policies.values import Value, as_boolean, as_integer, as_text
from provision.local.apim.services import ForwardOptions, PolicyFault

__all__ = ["POLICIES"]

API_VERSION = "2024-09-01"
RESOURCE = "https://cognitiveservices.azure.com"
MAX_TEXT = 10_000
"""The most characters that one call to the service takes. A longer prompt is sent in pieces."""
MAX_PIECES = 20
MAX_RESPONSE = 4 * 1024 * 1024
"""The most bytes of a completion that are collected for checking."""
OUTPUTS = ("FourSeverityLevels", "EightSeverityLevels")
REFUSAL = "Request failed content safety check."
BODY = b'{"statusCode":403,"message":"Request failed content safety check."}'
"""Documented in this form, without the blanks of the gateway's other answers [PR-llm-content-safety]."""

CATEGORY = Element(
    "category",
    (
        Attribute("name", required=True, expression=True),
        Attribute("threshold", "integer", required=True, expression=True, least=0, most=7),
    ),
)
SAFETY = Element(
    "llm-content-safety",
    (
        Attribute("backend-id", required=True, expression=True),
        Attribute("shield-prompt", "boolean", expression=True),
        Attribute("window-size", "integer", expression=True, least=1),
        Attribute("enforce-on-completions", "boolean", expression=True, here="idle"),
    ),
    (
        Child(
            Element(
                "categories",
                (Attribute("output-type", expression=True, choices=OUTPUTS),),
                (Child(CATEGORY, 0, None),),
            )
        ),
        Child(Element("blocklists", children=(Child(Element("id", text="expression"), 0, None),))),
    ),
)


class ContentSafety(Step):
    """Refuses with 403 if the service finds a category at its threshold, a block list or an attack.

    In inbound it checks the prompt, in outbound the completion. A stream is checked in windows of `window-size`
    characters, and ends without a 403 before the first window that is unsafe. If the service cannot be called, an error
    is logged and the request continues: the local cloud has no such service of its own.
    """

    waits = True

    def __init__(self, parsed: Parsed) -> None:
        self._backend, self._shield = parsed.required("backend-id"), parsed.value("shield-prompt")
        categories, blocklists = parsed.first("categories"), parsed.first("blocklists")
        self._output = None if categories is None else categories.value("output-type")
        listed = [] if categories is None else categories.named("category")
        self._thresholds = [(child.required("name"), child.required("threshold")) for child in listed]
        ids = [] if blocklists is None else blocklists.named("id")
        self._blocklists = [child.text for child in ids if child.text is not None]
        values: list[Value | None] = [value for pair in self._thresholds for value in pair]
        self._window = parsed.value("window-size")
        self._on_prompt = parsed.place.on_request
        if self._on_prompt and self._window is not None:
            raise parsed.node.error("'window-size' is for responses: use it in outbound.")
        super().__init__(parsed, self._backend, self._shield, self._output, self._window, *self._blocklists, *values)
        if self._on_prompt:
            self.reads |= {"request.body"}

    async def wait(self, run: Run) -> None:
        if self._on_prompt:
            unsafe = await self._any_unsafe(run, _prompt(run.context.request.body.data), MAX_TEXT)
        else:
            unsafe = await self._check_response(run)
        if unsafe:
            refusal = error_response(403, REFUSAL)
            refusal.body = Body(BODY)
            raise PolicyFault(self.name, "ContentSafetyCheckFailed", REFUSAL, 403, response=refusal)

    async def _check_response(self, run: Run) -> bool:
        """Return whether a whole completion is unsafe. A stream is not judged here, but is checked from now on."""
        response = run.context.response
        if response is None or response.status_code != 200:
            return False
        window = MAX_TEXT if self._window is None else min(as_integer(self._window.get(run.context)), MAX_TEXT)
        body = response.body
        if body.data is None and body.stream is not None and _is_event_stream(response):
            watched = _Checked(body.stream, window, lambda text: self._any_unsafe(run, text, window))
            if run.context.open_body is body.stream:
                run.context.open_body = watched
            body.stream = watched
            return False
        return await self._any_unsafe(run, _completion(await body.buffer(MAX_RESPONSE)), window)

    async def _any_unsafe(self, run: Run, text: str, size: int) -> bool:
        """Return whether any piece of a text is unsafe. If the service cannot be called, log that and return False."""
        pieces = [text[at : at + size] for at in range(0, len(text), size)][:MAX_PIECES]
        try:
            return any([await self._unsafe(run, piece) for piece in pieces])
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            self._report(run, f"the content safety service gave no answer that can be read: {error}")
        except PolicyFault as fault:
            self._report(run, f"the content safety service could not be asked: {fault.message}")
        return False

    def _report(self, run: Run, message: str) -> None:
        run.services.record("trace", {"source": self.name, "severity": "error", "message": message})

    async def _unsafe(self, run: Run, text: str) -> bool:
        context = run.context
        if self._on_prompt and self._shield is not None and as_boolean(self._shield.get(context)):
            answer = await self._ask(run, "text:shieldPrompt", {"userPrompt": text, "documents": []})
            if answer["userPromptAnalysis"]["attackDetected"] is True:
                return True
        limits = {as_text(name.get(context)): as_integer(most.get(context)) for name, most in self._thresholds}
        lists = [as_text(value.get(context)) for value in self._blocklists]
        if not limits and not lists:
            return False
        output = OUTPUTS[0] if self._output is None else as_text(self._output.get(context))
        asked = {"text": text, "categories": list(limits), "blocklistNames": lists, "outputType": output}
        answer = await self._ask(run, "text:analyze", asked)
        found = {item["category"]: int(item["severity"]) for item in answer["categoriesAnalysis"]}
        return bool(answer.get("blocklistsMatch")) or any(found.get(name, -1) >= most for name, most in limits.items())

    async def _ask(self, run: Run, operation: str, document: Mapping[str, object]) -> dict[str, Any]:
        token = await run.services.token(RESOURCE, None)
        headers = Headers([("Content-Type", "application/json"), ("Authorization", f"Bearer {token}")])
        url = Url("https", "", 443, "", f"api-version={API_VERSION}")
        request = Request("POST", url, url, headers, Body(json.dumps(dict(document)).encode()))
        backend = Backend(as_text(self._backend.get(run.context)))
        path = f"/contentsafety/{operation}"
        call = replace(run.context, request=request, response=None, backend=backend, remaining_path=path)
        await run.services.forward(call, ForwardOptions(read_response_body=True))
        if call.response is None or call.response.status_code != 200:
            status = "nothing" if call.response is None else str(call.response.status_code)
            raise ValueError(f"{status} to {operation}")
        answer = json.loads(call.response.body.data or b"")
        if not isinstance(answer, dict):
            raise ValueError(f"no object to {operation}")
        return answer


class _Checked:
    """A stream of events that is passed on one window of text at a time, and ends before the first unsafe window."""

    def __init__(self, stream: AsyncIterator[bytes], window: int, unsafe: Callable[[str], Awaitable[bool]]) -> None:
        self._stream, self._window, self._unsafe = stream, window, unsafe
        self._ready: deque[bytes] = deque()
        self._ended = False

    def __aiter__(self) -> _Checked:
        return self

    async def __anext__(self) -> bytes:
        if not self._ready and not self._ended:
            await self._fill()
        if not self._ready:
            raise StopAsyncIteration
        return self._ready.popleft()

    async def _fill(self) -> None:
        """Collect one window, and make it available if it is safe."""
        held: list[bytes] = []
        text = ""
        while len(text) < self._window and not self._ended:
            chunk = await anext(self._stream, None)
            if chunk is None:
                self._ended = True
            else:
                held.append(chunk)
                text += _delta(chunk)
        if text and await self._unsafe(text):
            await self.aclose()
        else:
            self._ready.extend(held)

    async def aclose(self) -> None:
        self._ended = True
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()


def _is_event_stream(response: Response) -> bool:
    return (response.headers.get("content-type") or "").startswith("text/event-stream")


def _completion(body: bytes) -> str:
    """Return the whole text of an answer; empty if it cannot be read."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    choices = document.get("choices", document.get("output")) if isinstance(document, dict) else None
    if not isinstance(choices, list):
        return ""
    said = [choice.get("message", choice) for choice in choices if isinstance(choice, dict)]
    return "\n".join(_texts(said))


def _delta(chunk: bytes) -> str:
    """Return the text in a piece of an event stream. An event that is cut in two is not read."""
    found: list[str] = []
    for line in chunk.split(b"\n"):
        try:
            event = json.loads(line.removeprefix(b"data: ")) if line.startswith(b"data: {") else None
        except (ValueError, RecursionError):
            continue
        for choice in (event or {}).get("choices") or []:
            text = (choice.get("delta") or {}).get("content") if isinstance(choice, dict) else None
            found += [text] if isinstance(text, str) else []
    return "".join(found)


def _prompt(body: bytes | None) -> str:
    """Return the whole text of a prompt; empty if it cannot be read."""
    try:
        document = json.loads(body or b"null")
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    return "\n".join(_texts(document.get("messages", document.get("prompt", document.get("input")))))


def _texts(part: object, depth: int = 0) -> list[str]:
    if isinstance(part, str):
        return [part]
    if isinstance(part, dict):
        part = [part.get("content"), part.get("text")]
    if not isinstance(part, list) or depth > 10:
        return []
    return [text for inner in part for text in _texts(inner, depth + 1)]


POLICIES = (
    Policy(
        SAFETY,
        frozenset({"inbound", "outbound"}),
        "PR-llm-content-safety",
        ContentSafety,
        note="checks completions in outbound; if there is no service to call, logs an error and continues",
    ),
)
