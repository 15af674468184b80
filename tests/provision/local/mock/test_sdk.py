"""The `openai` package, unmodified, against the mock in its own process."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import AzureOpenAI, OpenAI
from pydantic import BaseModel, Field

from tests.provision.local.mock.conftest import ACCOUNT, KEY, SITE, Child, site

MESSAGES: Any = [{"role": "user", "content": "Can you tell me the time, please?"}]


@pytest.fixture
def azure(child: Child) -> Iterator[AzureOpenAI]:
    """The client of the account, with api-version URLs."""
    with AzureOpenAI(
        azure_endpoint=child.url,
        api_key=KEY,
        api_version="2025-04-01-preview",
        max_retries=0,
        default_headers={"Host": ACCOUNT},
    ) as client:
        yield client


@pytest.fixture
def v1(child: Child) -> Iterator[OpenAI]:
    """The client of the account, with /openai/v1 URLs."""
    with OpenAI(
        base_url=child.url + "/openai/v1",
        api_key=KEY,
        max_retries=0,
        default_headers={"Host": ACCOUNT},
    ) as client:
        yield client


@pytest.fixture(params=["azure", "v1"])
def client(request: pytest.FixtureRequest) -> Any:
    """Either of the two."""
    return request.getfixturevalue(request.param)


def _simulated(**behaviour: Any) -> dict[str, str]:
    return {"x-simulation": json.dumps({"default": behaviour})}


def test_a_chat_completion_is_parsed_strictly(client: Any) -> None:
    answer = client.chat.completions.create(model="gpt-4o", messages=MESSAGES, max_tokens=7)
    type(answer).model_validate(answer.model_dump(), strict=True)
    assert answer.model == "gpt-4o-2024-08-06"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 7
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 7


@pytest.mark.parametrize("choices", [1, 3])
def test_a_streamed_chat_completion_adds_up_to_the_whole_one(client: Any, choices: int) -> None:
    wanted: dict[str, Any] = {"model": "gpt-4o", "messages": MESSAGES, "max_tokens": 9, "n": choices}
    whole = client.chat.completions.create(**wanted)
    texts, last = [""] * choices, None
    for chunk in client.chat.completions.create(**wanted, stream=True, stream_options={"include_usage": True}):
        if chunk.choices:
            type(chunk).model_validate(chunk.model_dump(), strict=True)
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
        last = chunk
    assert texts == [choice.message.content for choice in whole.choices]
    assert last is not None
    assert (last.choices, last.usage) == ([], whole.usage)


def test_without_include_usage_no_frame_has_a_usage(azure: AzureOpenAI) -> None:
    chunks = list(azure.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True))
    assert all(chunk.usage is None for chunk in chunks)
    assert chunks[0].choices == []
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_a_legacy_completion_whole_and_streamed(client: Any) -> None:
    whole = client.completions.create(model="gpt-4o", prompt="Once", max_tokens=6)
    type(whole).model_validate(whole.model_dump(), strict=True)
    stream = client.completions.create(model="gpt-4o", prompt="Once", max_tokens=6, stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == whole.choices[0].text


def test_embeddings_are_unit_vectors_that_depend_on_their_input(client: Any) -> None:
    answer = client.embeddings.create(model="ada", input=["a", "b", "a"])
    type(answer).model_validate(answer.model_dump(), strict=True)
    first, second, third = (item.embedding for item in answer.data)
    assert len(first) == 1536
    assert sum(value * value for value in first) == pytest.approx(1.0, abs=1e-4)
    assert first == third
    assert first != second
    floats = client.embeddings.create(model="ada", input="a", encoding_format="float", dimensions=8)
    assert len(floats.data[0].embedding) == 8


def test_a_response_whole_and_streamed(client: Any) -> None:
    whole = client.responses.create(model="gpt-4o", input="Hello")
    type(whole).model_validate(whole.model_dump())
    assert (whole.status, whole.usage.output_tokens) == ("completed", 16)
    events = list(client.responses.create(model="gpt-4o", input="Hello", stream=True))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole.output_text
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].response.output_text == whole.output_text


def test_a_response_cut_by_its_limit_is_incomplete(azure: AzureOpenAI) -> None:
    whole = azure.responses.create(model="gpt-4o", input="Hello", max_output_tokens=16)
    assert (whole.status, whole.output[0].type) == ("incomplete", "message")
    with azure.responses.stream(model="gpt-4o", input="Hello") as stream:
        assert stream.get_final_response().status == "completed"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
def test_each_error_becomes_the_packages_own(client: Any, status: int, error: type[openai.APIStatusError]) -> None:
    headers = _simulated(response_status_code=status, retry_after_s=1)
    with pytest.raises(error) as caught:
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES, extra_headers=headers)
    assert caught.value.response.headers["retry-after"] == "1"
    assert caught.value.body


def test_a_wrong_key_and_an_unknown_deployment(azure: AzureOpenAI) -> None:
    with pytest.raises(openai.AuthenticationError, match="invalid subscription key"):
        azure.with_options(api_key="wrong").chat.completions.create(model="gpt-4o", messages=MESSAGES)
    with pytest.raises(openai.NotFoundError) as caught:
        azure.chat.completions.create(model="none", messages=MESSAGES)
    assert caught.value.code == "DeploymentNotFound"


@pytest.mark.parametrize("drop", ["before", "during"])
def test_a_dropped_connection_is_a_connection_error(azure: AzureOpenAI, drop: str) -> None:
    headers = _simulated(drop=drop)
    with pytest.raises(openai.APIConnectionError):
        azure.chat.completions.create(model="gpt-4o", messages=MESSAGES, extra_headers=headers)


class Verdict(BaseModel):
    """A structured answer."""

    open: bool
    reasons: list[str] = Field(min_length=2)


TELL: Any = {
    "name": "tell",
    "parameters": {"type": "object", "properties": {"zone": {"enum": ["UTC"]}}, "required": ["zone"]},
    "strict": True,
}
TOOL: Any = {"type": "function", "function": TELL}
NAMED: Any = {"type": "function", "function": {"name": "tell"}}


@pytest.mark.parametrize(("choice", "reason"), [("required", "tool_calls"), (NAMED, "stop")])
def test_a_forced_tool_is_called_whole_and_streamed(client: Any, choice: Any, reason: str) -> None:
    wanted: dict[str, Any] = {"model": "gpt-4o", "messages": MESSAGES, "tools": [TOOL], "tool_choice": choice}
    choice = client.chat.completions.create(**wanted).choices[0]
    assert choice.finish_reason == reason
    assert choice.message.content is None
    assert json.loads(choice.message.tool_calls[0].function.arguments) == {"zone": "UTC"}
    with client.chat.completions.stream(**wanted) as stream:
        streamed = stream.get_final_completion().choices[0]
    assert streamed.finish_reason == reason
    assert streamed.message.tool_calls[0].function.arguments == choice.message.tool_calls[0].function.arguments


def test_a_forced_function_of_before_there_were_tools_is_called(client: Any) -> None:
    wanted: dict[str, Any] = {"functions": [TELL], "function_call": {"name": "tell"}}
    whole = client.chat.completions.create(model="gpt-4o", messages=MESSAGES, **wanted).choices[0]
    assert (whole.message.function_call.name, whole.finish_reason) == ("tell", "stop")
    chunks = list(client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True, **wanted))
    calls = [choice.delta.function_call for chunk in chunks for choice in chunk.choices if choice.delta.function_call]
    assert "".join(call.arguments or "" for call in calls) == whole.message.function_call.arguments == '{"zone":"UTC"}'


def test_structured_output_is_parsed_whole_and_streamed(client: Any) -> None:
    wanted: dict[str, Any] = {"model": "gpt-4o", "messages": MESSAGES, "response_format": Verdict}
    whole = client.chat.completions.parse(**wanted).choices[0].message.parsed
    assert isinstance(whole, Verdict)
    with client.chat.completions.stream(**wanted) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == whole


def test_structured_output_that_its_limit_cuts_off_is_the_packages_length_error(client: Any) -> None:
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model="gpt-4o", messages=MESSAGES, response_format=Verdict, max_tokens=3)


def test_a_json_object_is_answered_if_the_messages_ask_for_json(client: Any) -> None:
    wanted: Any = {"type": "json_object"}
    parameters: Any = [{"role": "user", "content": "Answer in JSON."}]
    answer = client.chat.completions.create(model="gpt-4o", messages=parameters, response_format=wanted)
    assert isinstance(json.loads(answer.choices[0].message.content), dict)
    with pytest.raises(openai.BadRequestError, match="must contain the word 'json'"):
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES, response_format=wanted)


@pytest.mark.parametrize("top", [None, 0, 3])
def test_log_probabilities_name_each_token_and_its_alternatives(client: Any, top: int | None) -> None:
    wanted: dict[str, Any] = {"model": "gpt-4o", "messages": MESSAGES, "max_tokens": 5, "logprobs": True}
    wanted |= {} if top is None else {"top_logprobs": top}
    whole = client.chat.completions.create(**wanted).choices[0]
    entries = whole.logprobs.content
    assert "".join(entry.token for entry in entries) == whole.message.content
    assert {len(entry.top_logprobs) for entry in entries} == {top or 0}
    assert all(entry.logprob < 0 for entry in entries)
    chunks = client.chat.completions.create(**wanted, stream=True)
    streamed = [c.logprobs.content[0] for chunk in chunks for c in chunk.choices if c.delta.content]
    assert streamed == entries


def test_alternatives_without_log_probabilities_are_refused(client: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="only allowed when 'logprobs' is enabled"):
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES, top_logprobs=2)


def test_a_response_calls_a_function_and_is_parsed(client: Any) -> None:
    tool: Any = {"type": "function", **TELL}
    wanted: dict[str, Any] = {"model": "gpt-4o", "input": "Hello", "tools": [tool], "tool_choice": "required"}
    whole = client.responses.create(**wanted)
    assert (whole.output[0].type, json.loads(whole.output[0].arguments)) == ("function_call", {"zone": "UTC"})
    with client.responses.stream(**wanted) as stream:
        assert stream.get_final_response().output[0].arguments == whole.output[0].arguments
    parsed = client.responses.parse(model="gpt-4o", input="Hello", text_format=Verdict)
    assert isinstance(parsed.output_parsed, Verdict)


@pytest.mark.parametrize("form", ["b64_json", "url"])
def test_an_image_has_the_size_that_was_asked_for(form: Any) -> None:
    snapshot = {"port": 0, "sites": [site()]}
    process = Child(snapshot)
    try:
        with OpenAI(base_url=process.url + "/openai/v1", api_key="k", default_headers={"Host": SITE}) as plain:
            answer = plain.images.generate(model="dall-e-3", prompt="A breaker", size="1792x1024", response_format=form)
    finally:
        process.close()
    assert answer.data is not None
    image = answer.data[0]
    encoded = image.b64_json or str(image.url).removeprefix("data:image/png;base64,")
    data = base64.b64decode(encoded)
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">II", data[16:24]) == (1792, 1024)
