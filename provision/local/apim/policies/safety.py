"""llm-content-safety: prompts are put to the content safety service that the policy's backend names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provision.local.apim.context import Backend, Body, Headers, Request, Url
from provision.local.apim.policies.answers import error_response
from provision.local.apim.policies.elements import Attribute, Child, Element
from provision.local.apim.policies.steps import Parsed, Policy, Run, Step
from provision.local.apim.policies.values import Value, as_boolean, as_integer, as_text
from provision.local.apim.services import ForwardOptions, PolicyFault

__all__ = ["POLICIES"]

API_VERSION = "2024-09-01"
RESOURCE = "https://cognitiveservices.azure.com"
MAX_TEXT = 10_000
"""Characters that one call to the service takes; a longer prompt is put to it in pieces."""
MAX_PIECES = 20
OUTPUTS = ("FourSeverityLevels", "EightSeverityLevels")
REFUSAL = "Request failed content safety check."
BODY = b'{"statusCode":403,"message":"Request failed content safety check."}'
"""Documented so, without the blanks of the gateway's other answers [PR-llm-content-safety]."""

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
    """Refuses a prompt with 403 when the service finds a category at its threshold, a block list or an attack.

    Where the service cannot be asked, an error is recorded and the call goes on: the local cloud has
    no such service of its own.
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
        super().__init__(parsed, self._backend, self._shield, self._output, *self._blocklists, *values)
        self.reads |= {"request.body"}

    async def wait(self, run: Run) -> None:
        prompt = _prompt(run.context.request.body.data)
        pieces = [prompt[at : at + MAX_TEXT] for at in range(0, len(prompt), MAX_TEXT)][:MAX_PIECES]
        try:
            unsafe = [await self._unsafe(run, piece) for piece in pieces]
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            self._report(run, f"the content safety service gave no answer that can be read: {error}")
        except PolicyFault as fault:
            self._report(run, f"the content safety service could not be asked: {fault.message}")
        else:
            if any(unsafe):
                refusal = error_response(403, REFUSAL)
                refusal.body = Body(BODY)
                raise PolicyFault(self.name, "ContentSafetyCheckFailed", REFUSAL, 403, response=refusal)

    def _report(self, run: Run, message: str) -> None:
        run.services.record("trace", {"source": self.name, "severity": "error", "message": message})

    async def _unsafe(self, run: Run, text: str) -> bool:
        context = run.context
        if self._shield is not None and as_boolean(self._shield.get(context)):
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


def _prompt(body: bytes | None) -> str:
    """All that a request says to the model; empty when nothing can be read."""
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
        frozenset({"inbound"}),
        "PR-llm-content-safety",
        ContentSafety,
        note="prompts only; without a service to ask, an error is recorded and the call goes on",
    ),
)
