"""The bytes of a request: prompts that vary at equal length, heads built beforehand."""

from __future__ import annotations

import json
import random

import pytest
from pydantic import SecretStr

from locustfiles.http.address import Address
from locustfiles.http.heads import RequestHeads
from locustfiles.users.prompts import OVERHEAD, Prompts, SizedPrompts
from tripcurve.errors import BadInput
from tripcurve.lab import Lab, load_lab
from tripcurve.scenario import Phase
from tripcurve.target import Target

TARGET = Target(gateway_url="http://gw:8080", api_key=SecretStr("key-1"), deployment="gpt", api_version="2024-02-01")
ENDPOINT = Address("gw", 8080)


@pytest.fixture(scope="module")
def lab() -> Lab:
    return load_lab("pool")


def prompts(tokens: int = 40, stream: bool = False) -> Prompts:
    return Prompts(random.Random(1), tokens, 20, TARGET, stream)


def parts(request: bytes) -> tuple[list[str], dict[str, object]]:
    head, _, body = request.partition(b"\r\n\r\n")
    return head.decode().split("\r\n"), json.loads(body)


def phase(**faults: object) -> Phase:
    return Phase.model_validate({"name": "p", "for": 1, "rate": 1, "simulate": faults})


def test_all_prompts_differ_and_have_the_same_length() -> None:
    made = prompts()
    bodies = [made.after(b"") for _ in range(500)]
    assert len(set(bodies)) == 500
    assert {len(body) for body in bodies} == {made.length}


def test_prompts_differ_from_their_first_words_on() -> None:
    made = prompts()
    starts = {json.loads(made.after(b""))["messages"][0]["content"][:12] for _ in range(100)}
    assert len(starts) == 100


def test_a_prompt_has_about_the_tokens_asked_for() -> None:
    content = json.loads(prompts(tokens=200).after(b""))["messages"][0]["content"]
    assert 170 <= len(content.rstrip(".").split()) <= 200


def test_the_arguments_and_the_bytes_are_one_series_of_bodies() -> None:
    assert prompts().text() == json.loads(prompts().after(b""))["messages"][0]["content"]


def test_a_stream_is_asked_for_in_the_body() -> None:
    assert json.loads(prompts(stream=True).after(b""))["stream"] is True


def test_the_requests_of_a_trace_have_each_its_own_size() -> None:
    made = SizedPrompts(random.Random(1), 500, TARGET)
    for tokens, completion in ((500, 9), (40, 3), (1, 1), (9000, 2)):
        one, again = made.next(tokens, completion), made.next(tokens, completion)
        body = json.loads(one.after(b""))
        words = body["messages"][0]["content"].split()
        assert len(words) == 1 + min(max(tokens - OVERHEAD, 1), 500 - OVERHEAD)
        assert body["max_tokens"] == one.completion == completion
        assert len(one.after(b"")) == one.length == again.length
        assert one.text() != again.text()
        assert one.text() == body["messages"][0]["content"]


def test_a_request_is_whole_http(lab: Lab) -> None:
    made = prompts()
    head = RequestHeads(phase(), lab, random.Random(1)).head(TARGET, ENDPOINT, made.length)
    lines, body = parts(made.after(head))
    assert lines[0] == "POST /openai/deployments/gpt/chat/completions?api-version=2024-02-01 HTTP/1.1"
    assert "Host: gw:8080" in lines
    assert "api-key: key-1" in lines
    assert f"Content-Length: {made.length}" in lines
    assert body["max_tokens"] == 20
    assert not any(line.startswith("x-simulation") for line in lines)


def test_a_fault_goes_into_the_simulation_header_by_host(lab: Lab) -> None:
    heads = RequestHeads(phase(openaimock1={"status": 429, "retry_after_s": 2}), lab, random.Random(1))
    lines, _ = parts(prompts().after(heads.head(TARGET, ENDPOINT, 1)))
    header = next(line for line in lines if line.startswith("x-simulation: "))
    assert json.loads(header.removeprefix("x-simulation: ")) == {
        "openaimock1.azurewebsites.net": {"response_status_code": 429, "retry_after_s": 2.0}
    }


def test_a_fault_for_requests_by_their_number_goes_with_its_rule_and_counter(lab: Lab) -> None:
    fault = {"status": 429, "which": "first 2", "per": "instance"}
    header = RequestHeads(phase(openaimock1=fault), lab, random.Random(1), "run-p").simulation()
    assert header is not None
    assert json.loads(header)["openaimock1.azurewebsites.net"] == {
        "response_status_code": 429,
        "which": "first 2",
        "per": "instance",
        "counter": "run-p",
    }


def test_a_fault_with_a_share_is_drawn_for_each_request(lab: Lab) -> None:
    heads = RequestHeads(phase(openaimock1={"status": 429, "share": 0.25}), lab, random.Random(3))
    faulty = sum(heads.simulation() is not None for _ in range(4000))
    assert 900 < faulty < 1100


def test_faults_of_two_backends_are_drawn_independently(lab: Lab) -> None:
    fault = {"status": 500, "share": 0.5}
    heads = RequestHeads(phase(openaimock1=fault, openaimock2=fault), lab, random.Random(3))
    assert len({heads.simulation() for _ in range(200)}) == 4


@pytest.mark.parametrize("url", ["gateway", "ftp://gw", "http://", "http://gw:99999", "http://gw:x"])
def test_a_target_that_is_not_a_gateway_url_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="gateway"):
        Address.of_url(url)


@pytest.mark.parametrize(
    ("url", "authority"),
    [("http://gw", "gw"), ("https://gw:443/", "gw"), ("https://gw:8443", "gw:8443"), ("http://[::1]:80", "[::1]")],
)
def test_the_host_header_leaves_the_usual_port_out(url: str, authority: str) -> None:
    assert Address.of_url(url).authority == authority
