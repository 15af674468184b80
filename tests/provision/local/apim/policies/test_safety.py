"""llm-content-safety: what is blocked, and what happens when nobody can be asked."""

from __future__ import annotations

import json

import pytest

from provision.local.apim.context import PolicyContext, Response
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

    async def forward(self, context: PolicyContext, options: ForwardOptions) -> None:
        if context.backend is None:
            context.response = answer(200, b"chat")
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
