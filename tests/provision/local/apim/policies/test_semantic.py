"""Semantic caching: near prompts share an answer, others do not."""

from __future__ import annotations

import json

from provision.local.apim.context import PolicyContext
from provision.local.apim.services import ForwardOptions, PolicyFault
from tests.provision.local.apim.policies.harness import Gateway, answer, context, pipeline, policy

VECTORS = {"cat": [1.0, 0.0], "kitten": [0.98, 0.2], "truck": [0.0, 3.0]}


class Embedding(Gateway):
    """Embeds by a table, and answers chats with their number."""

    def __init__(self) -> None:
        super().__init__()
        self.chats = 0
        self.broken = False
        self.status = 200

    async def forward(self, context: PolicyContext, options: ForwardOptions) -> None:
        if context.backend is None or context.backend.id != "embeddings":
            self.chats += 1
            context.response = answer(self.status, str(self.chats).encode())
            return
        if self.broken:
            raise PolicyFault("forward-request", "BackendConnectionFailure", "gone", 500, answered=True)
        assert context.request.headers.get("Authorization") == "Bearer the-token"
        text = json.loads(context.request.body.data or b"")["input"]
        vector = next(vector for word, vector in VECTORS.items() if f'"{word}"' in text)
        context.response = answer(200, json.dumps({"data": [{"embedding": vector}]}).encode())


def cached(attributes: str = "", vary: str = "") -> str:
    lookup = (
        '<llm-semantic-cache-lookup score-threshold="0.05" embeddings-backend-id="embeddings"'
        f' embeddings-backend-auth="system-assigned" {attributes}>{vary}</llm-semantic-cache-lookup>'
    )
    return policy(lookup, outbound='<llm-semantic-cache-store duration="60" />')


async def ask(text: str, gateway: Gateway, word: str, role: str = "user", **fields: object) -> bytes | None:
    body = {"messages": [{"role": role, "content": word}], **fields}
    visit = context(json.dumps(body).encode())
    await pipeline(text).run(visit, gateway)
    assert visit.response is not None
    return visit.response.body.data


async def test_a_near_prompt_gets_the_stored_answer_and_a_far_one_its_own() -> None:
    gateway = Embedding()
    assert [await ask(cached(), gateway, word) for word in ("cat", "kitten", "truck", "cat")] == [
        b"1",
        b"1",
        b"2",
        b"1",
    ]


async def test_an_answer_is_kept_for_its_duration() -> None:
    gateway = Embedding()
    await ask(cached(), gateway, "cat")
    gateway.clock += 60
    assert await ask(cached(), gateway, "cat") == b"2"


async def test_callers_can_be_kept_apart() -> None:
    gateway = Embedding()
    text = cached(vary="<vary-by>@(context.Request.IpAddress)</vary-by>")
    await ask(text, gateway, "cat")
    visit = context(b'{"messages": [{"role": "user", "content": "cat"}]}')
    visit.request.ip_address = "10.9.8.7"
    await pipeline(text).run(visit, gateway)
    assert gateway.chats == 2


async def test_without_an_embedding_the_call_goes_on_and_says_so() -> None:
    gateway = Embedding()
    gateway.broken = True
    assert [await ask(cached(), gateway, "cat") for _ in range(2)] == [b"1", b"2"]
    assert gateway.records[0][1]["message"] == "gone"


async def test_streams_and_long_chats_are_not_cached() -> None:
    gateway = Embedding()
    assert [await ask(cached(), gateway, "cat", stream=True) for _ in range(2)] == [b"1", b"2"]
    body = json.dumps({"messages": [{"role": "user", "content": "cat"}] * 3}).encode()
    for _ in range(2):
        await pipeline(cached('max-message-count="2"')).run(context(body), gateway)
    assert gateway.chats == 4


async def test_a_failed_answer_is_not_stored() -> None:
    gateway = Embedding()
    gateway.status = 429
    assert await ask(cached(), gateway, "cat") == b"1"
    gateway.status = 200
    assert [await ask(cached(), gateway, "cat") for _ in range(2)] == [b"2", b"2"]
