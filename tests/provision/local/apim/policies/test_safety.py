"""llm-content-safety: what is blocked, and what happens when nobody can be asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from provision.local.apim.context import Body, Headers, PolicyContext, Response
from provision.local.apim.policies.faults import PolicyError
from provision.local.apim.services import ForwardOptions, PolicyFault
from tests.provision.local.apim.policies.harness import Gateway, answer, context, pipeline, policy

TEXT = policy(
    '<llm-content-safety backend-id="safety" shield-prompt="true"><categories output-type="EightSeverityLevels">'
    '<category name="Hate" threshold="4" /></categories><blocklists><id>words</id></blocklists></llm-content-safety>'
)


class Safety(Gateway):
    """A content safety service with what it finds, and a chat behind it."""

    def __init__(self, severity: int = 0, attack: bool = False, blocked: bool = False) -> None:
        super().__init__()
        matches = [{"blocklistName": "words"}] if blocked else []
        found = [{"category": "Hate", "severity": severity}]
        self.says = {
            "text:shieldPrompt": answer(200, json.dumps({"userPromptAnalysis": {"attackDetected": attack}}).encode()),
            "text:analyze": answer(200, json.dumps({"categoriesAnalysis": found, "blocklistsMatch": matches}).encode()),
        }
        self.asked: list[dict[str, object]] = []
        self.fault: PolicyFault | None = None
        self.chat = answer(200, b"chat")

    async def forward(self, context: PolicyContext, options: ForwardOptions) -> None:
        if context.backend is None:
            context.response = self.chat
            context.open_body = self.chat.body.stream
            return
        if self.fault is not None:
            raise self.fault
        assert context.backend.id == "safety"
        self.asked.append(json.loads(context.request.body.data or b""))
        context.response = self.says[context.remaining_path.removeprefix("/contentsafety/")]


async def outcome(gateway: Gateway) -> Response:
    visit = context(b'{"messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]}')
    await pipeline(TEXT).run(visit, gateway)
    assert visit.response is not None
    return visit.response


@pytest.mark.parametrize(
    ("gateway", "status"),
    [(Safety(3), 200), (Safety(4), 403), (Safety(attack=True), 403), (Safety(blocked=True), 403)],
)
async def test_a_prompt_is_refused_from_its_threshold_on(gateway: Safety, status: int) -> None:
    response = await outcome(gateway)
    assert response.status_code == status
    if status == 403:
        assert response.body.data == b'{"statusCode":403,"message":"Request failed content safety check."}'
    assert gateway.asked[0]["userPrompt"] == "hello"


@pytest.mark.parametrize("broken", [answer(404), answer(200, b"[]"), answer(200, b"{}"), answer(200, b"<")])
async def test_without_a_service_the_call_goes_on_and_an_error_is_recorded(broken: Response) -> None:
    gateway = Safety()
    gateway.says["text:shieldPrompt"] = broken
    assert (await outcome(gateway)).body.data == b"chat"
    assert gateway.records[0][1]["severity"] == "error"


async def test_a_backend_that_is_out_does_not_fail_the_call_either() -> None:
    gateway = Safety()
    gateway.fault = PolicyFault("forward-request", "BackendConnectionFailure", "gone", 500, answered=True)
    assert (await outcome(gateway)).body.data == b"chat"


OUTBOUND = '<llm-content-safety backend-id="safety" window-size="4"><categories><category name="Hate" threshold="4" />'
OUTBOUND = policy(outbound=OUTBOUND + "</categories></llm-content-safety>")
COMPLETION = json.dumps({"choices": [{"message": {"role": "assistant", "content": "abcdefg"}}]}).encode()


def delta(text: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": {"content": text}}]}).encode() + b"\n\n"


class Worsening(Safety):
    """A service that finds a text unsafe when it holds the letter e."""

    async def forward(self, context: PolicyContext, options: ForwardOptions) -> None:
        await super().forward(context, options)
        if context.backend is not None:
            severity = 6 if "e" in str(self.asked[-1]["text"]) else 0
            context.response = answer(
                200, json.dumps({"categoriesAnalysis": [{"category": "Hate", "severity": severity}]}).encode()
            )


@pytest.mark.parametrize(("severity", "status"), [(3, 200), (4, 403)])
async def test_a_completion_is_checked_by_windows_and_refused(severity: int, status: int) -> None:
    gateway = Safety(severity)
    gateway.chat = answer(200, COMPLETION)
    visit = context()
    await pipeline(OUTBOUND).run(visit, gateway)
    assert visit.response is not None
    assert visit.response.status_code == status
    assert [asked["text"] for asked in gateway.asked] == ["abcd", "efg"]


async def test_a_stream_stops_before_its_first_unsafe_window_without_a_403() -> None:
    closed: list[bool] = []

    async def events() -> AsyncIterator[bytes]:
        try:
            for piece in ("ab", "cd", "ef", "gh", "ij"):
                yield delta(piece)
        finally:
            closed.append(True)

    gateway, visit = Worsening(), context()
    headers = Headers([("content-type", "text/event-stream; charset=utf-8")])
    gateway.chat = Response(200, "OK", headers, Body(None, events()))
    await pipeline(OUTBOUND).run(visit, gateway)
    assert visit.response is not None
    assert visit.response.body.stream is not None
    assert [chunk async for chunk in visit.response.body.stream] == [delta("ab"), delta("cd")]
    assert (visit.response.status_code, closed) == (200, [True])
    assert [asked["text"] for asked in gateway.asked] == ["abcd", "efgh"]


async def test_a_failed_answer_is_not_checked() -> None:
    gateway = Safety(7)
    gateway.chat = answer(429, COMPLETION)
    visit = context()
    await pipeline(OUTBOUND).run(visit, gateway)
    assert visit.response is not None
    assert (visit.response.status_code, gateway.asked) == (429, [])


def test_a_window_is_for_responses() -> None:
    with pytest.raises(PolicyError, match="use it in outbound"):
        pipeline(policy('<llm-content-safety backend-id="safety" window-size="4" />'))
