"""The seed's two tests: a raw HTTP call and the `openai` package's client, through the gateway."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from tripcurve.errors import TargetUnavailable
from tripcurve.lab import Lab
from tripcurve.target import Target

__all__ = ["Smoke", "SmokeResult", "advice", "call_gateway", "healthy_messages", "smoke_lab"]

TIMEOUT_S = 60.0
HEALTHY = {"response_status_code": 200, "wait_time_ms": 0}
QUESTION = [
    {"role": "system", "content": "You are a sarcastic unhelpful assistant."},
    {"role": "user", "content": "Can you tell me the time, please?"},
]


class SmokeResult(BaseModel):
    """The result of one test. `status` is None if there was no answer; `detail` is the answer, or what to do."""

    test: str
    passed: bool
    status: int | None
    latency_ms: float
    detail: str


class Smoke(BaseModel):
    """The results of all tests of one lab."""

    lab: str
    gateway_url: str
    results: list[SmokeResult]

    @property
    def passed(self) -> bool:
        """Whether every test passed."""
        return all(result.passed for result in self.results)


def smoke_lab(lab: Lab, target: Target, clock: Callable[[], float] = time.perf_counter) -> Smoke:
    """Call the gateway as the seed does. A lab of mocks also gets the seed's simulated 429.

    Raises TargetUnavailable when no server answers at the gateway's address.
    """
    mocks = [backend for backend in lab.backends if backend.kind == "mock"]
    healthy = healthy_messages(lab)
    tests: list[tuple[str, Callable[[], tuple[int | None, str]], set[int]]] = [
        ("raw HTTP call", lambda: call_gateway(target, healthy), {200}),
        ("OpenAI client" if target.is_v1 else "AzureOpenAI client", lambda: _client(target, healthy), {200}),
    ]
    if mocks:
        # This test comes last, because its failure counts: a rule with count 1 opens the breaker on it.
        throttled = [_simulating({"default": HEALTHY, mocks[0].host: {"response_status_code": 429}})]
        # Another member of a pool may answer instead, chosen at once or by the policy's retry.
        wanted = {200, 429} if lab.has_pool else {429}
        tests.append((f"simulated 429 of {mocks[0].name}", lambda: call_gateway(target, throttled), wanted))
    results = [_timed(name, call, wanted, clock) for name, call, wanted in tests]
    return Smoke(lab=lab.name, gateway_url=target.gateway_url, results=results)


def healthy_messages(lab: Lab) -> list[dict[str, Any]]:
    """Return messages that a lab's backends answer with 200: the seed's simulation for mocks, else a question."""
    mocks = any(backend.kind == "mock" for backend in lab.backends)
    return [_simulating({"default": HEALTHY})] if mocks else QUESTION


def _simulating(simulation: dict[str, Any]) -> dict[str, Any]:
    """Return a message that tells the mock how to answer, in the seed's form."""
    return {"role": "system", "content": {"simulation": simulation}}


def _timed(
    name: str, call: Callable[[], tuple[int | None, str]], wanted: set[int], clock: Callable[[], float]
) -> SmokeResult:
    start = clock()
    status, detail = call()
    took = (clock() - start) * 1000
    passed = status in wanted
    if not passed:
        detail = f"expected {' or '.join(map(str, sorted(wanted)))}: {advice(status, detail)}"
    return SmokeResult(test=name, passed=passed, status=status, latency_ms=round(took, 1), detail=detail)


def advice(status: int | None, detail: str) -> str:
    """Return the text of an answer with what to do about its status, where that is known."""
    hints = {
        401: "the key is wrong (`tripcurve up` fetches it again), or the gateway's role assignment is not in force yet",
        404: "the gateway has no such API; `tripcurve plan` shows what is missing",
        503: "the breaker is open, or the backend is down; wait for the trip duration and try again",
    }
    hint = None if status is None else hints.get(status)
    return detail if hint is None else f"{detail} ({hint})"


def call_gateway(target: Target, messages: list[dict[str, Any]]) -> tuple[int | None, str]:
    """Send one chat completion. Return the status, or None if there was no answer, and the answer's text or the error.

    Raises TargetUnavailable if no server answers at the gateway's address.
    """
    import requests

    url = target.gateway_url.rstrip("/") + target.chat_path
    headers = {"api-key": target.api_key.get_secret_value(), "content-type": "application/json"}
    try:
        # No redirects: `requests` would send the key to the address that a redirect names.
        response = requests.post(
            url, headers=headers, data=json.dumps(target.chat_body(messages)), timeout=TIMEOUT_S, allow_redirects=False
        )
    except requests.ConnectionError:
        raise TargetUnavailable(f"no server answers at {target.gateway_url}; is the lab up?") from None
    except requests.RequestException as error:
        return None, type(error).__name__
    if response.status_code == 200:
        return 200, _said(response)
    return response.status_code, _short(response.text)


def _said(response: Any) -> str:
    try:
        return _short(response.json()["choices"][0]["message"]["content"])
    except (ValueError, KeyError, IndexError, TypeError):
        return f"the 200 has no completion: {_short(response.text)}"


def _client(target: Target, messages: list[dict[str, Any]]) -> tuple[int | None, str]:
    import openai

    client = target.sdk_client(
        max_retries=0,
        timeout=TIMEOUT_S,
        http_client=openai.DefaultHttpxClient(follow_redirects=False),  # see `call_gateway`
    )
    shaped: Any = messages  # the client's types do not allow the seed's object in `content`
    try:
        answer = client.chat.completions.create(model=target.deployment, messages=shaped)
        return 200, _short(answer.choices[0].message.content or "")
    except openai.APIStatusError as error:
        return error.status_code, _short(error.response.text)
    except openai.APIConnectionError as error:
        return None, type(error).__name__
    finally:
        client.close()


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else f"{line[:157]}..."
