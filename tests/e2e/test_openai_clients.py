"""The `openai` package's clients, unmodified, against every shipped lab: the table in docs/local-cloud.md."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from openai import APIStatusError, AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
from pydantic import BaseModel

from provision.lifecycle.apply import apply_lab
from provision.resources.clouds import Cloud, local
from tests.e2e.commands import running_lab
from tests.provision.labs import cleaned_up
from tripcurve.gateways import is_default
from tripcurve.lab import LABS, load_lab
from tripcurve.shipped import shipped_names
from tripcurve.target import Target

PAGE = Path(__file__).parents[2] / "docs" / "local-cloud.md"
CLIENTS = (OpenAI, AsyncOpenAI, AzureOpenAI, AsyncAzureOpenAI)
AZURE_VERSION = "2025-03-01-preview"
MESSAGES: Any = [{"role": "user", "content": "Say in JSON when the breaker opens."}]
TIME_TOOL: Any = {
    "name": "tell_time",
    "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
}


class LabUp(NamedTuple):
    """A shipped lab's name, and how to reach it."""

    name: str
    target: Target


class Verdict(BaseModel):
    """A structured answer."""

    open: bool
    reasons: list[str]


Feature = Callable[[Any, str], Awaitable[None]]
FEATURES: dict[str, Feature] = {}


def feature(name: str) -> Callable[[Feature], Feature]:
    def register(check: Feature) -> Feature:
        FEATURES[name] = check
        return check

    return register


async def got(value: Any) -> Any:
    """Return the result of a call of a client or of an asynchronous client."""
    return await value if inspect.isawaitable(value) else value


async def listed(stream: Any) -> list[Any]:
    """Return everything that a stream of either kind of client yields."""
    return [each async for each in stream] if hasattr(stream, "__aiter__") else list(stream)


@feature("chat completions")
async def chat(client: Any, model: str) -> None:
    answer = await got(client.chat.completions.create(model=model, messages=MESSAGES))
    assert answer.choices[0].message.content
    assert answer.usage.total_tokens > 0


@feature("chat, streamed with usage")
async def streamed_chat(client: Any, model: str) -> None:
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = await listed(await got(client.chat.completions.create(model=model, messages=MESSAGES, **options)))
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert chunks[-1].usage.completion_tokens > 0


@feature("tools")
async def tools(client: Any, model: str) -> None:
    tool: Any = {"type": "function", "function": TIME_TOOL}
    answer = await got(
        client.chat.completions.create(model=model, messages=MESSAGES, tools=[tool], tool_choice="required")
    )
    assert answer.choices[0].message.tool_calls[0].function.name == "tell_time"


@feature("structured output")
async def structured(client: Any, model: str) -> None:
    answer = await got(client.chat.completions.parse(model=model, messages=MESSAGES, response_format=Verdict))
    assert isinstance(answer.choices[0].message.parsed, Verdict)


@feature("responses, continued")
async def responses(client: Any, model: str) -> None:
    first = await got(client.responses.create(model=model, input="Hello"))
    second = await got(client.responses.create(model=model, input="And?", previous_response_id=first.id))
    assert second.previous_response_id == first.id
    assert second.usage.input_tokens > first.usage.input_tokens
    assert (await got(client.responses.retrieve(first.id))).output_text == first.output_text
    await got(client.responses.delete(first.id))


@feature("responses, streamed with usage")
async def streamed_responses(client: Any, model: str) -> None:
    events = await listed(await got(client.responses.create(model=model, input="Hello", stream=True)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert events[-1].response.usage.output_tokens > 0


@feature("responses with tools")
async def response_tools(client: Any, model: str) -> None:
    tool: Any = {"type": "function", **TIME_TOOL}
    answer = await got(client.responses.create(model=model, input="Hello", tools=[tool], tool_choice="required"))
    assert [item.name for item in answer.output] == ["tell_time"]


@feature("embeddings")
async def embeddings(client: Any, model: str) -> None:
    del model  # a chat model embeds nothing
    answer = await got(client.embeddings.create(model="text-embedding-3-small", input=["a", "b"]))
    assert [len(each.embedding) for each in answer.data] == [1536, 1536]


@feature("images")
async def images(client: Any, model: str) -> None:
    del model
    answer = await got(client.images.generate(model="gpt-image-2", prompt="A breaker", size="1024x1024"))
    assert answer.data[0].b64_json


@feature("models")
async def models(client: Any, model: str) -> None:
    found = await listed(client.models.list())
    assert any(each.id.startswith(model) for each in found)


def table() -> dict[tuple[str, str], bool]:
    """Return the table of the page: whether a feature works against a lab."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    start = next(i for i, line in enumerate(lines) if line.startswith("| `openai` package |"))
    labs = re.findall(r"`(\w+)`", lines[start])[1:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start + 1 :]]
    known = [row for row in rows if row[0] in FEATURES]
    return {(row[0], lab): cell.startswith("yes") for row in known for lab, cell in zip(labs, row[1:], strict=True)}


TABLE = table()
COMPARED = "gateways"
"""The lab of compare-gateways: two accounts without session affinity, which the other labs do not have."""
ON_AZURE = [name for name in sorted(shipped_names(LABS, ".yaml")) if is_default(load_lab(name)) and name != COMPARED]
"""The labs of API Management; other gateways have APIs of their own."""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """A local cloud for one lab after the other."""
    with running_lab() as line:
        yield local(line)


@pytest.fixture(scope="module", params=ON_AZURE)
def lab(request: pytest.FixtureRequest, cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabUp]:
    """One of the shipped labs, which is up."""
    found = load_lab(str(request.param))
    backends = tuple(backend.model_copy(update={"limits": None}) for backend in found.backends)  # throttle no test
    roomy = found.model.model_copy(update={"capacity": 10_000})
    whole = found.model_copy(update={"model": roomy, "backends": backends})
    with cleaned_up(whole, cloud, tmp_path_factory.mktemp("state")) as state:
        yield LabUp(str(request.param), apply_lab(whole, cloud, state=state).target)


def client_of(kind: type[Any], target: Target) -> Any:
    key = target.api_key.get_secret_value()
    if issubclass(kind, (AzureOpenAI, AsyncAzureOpenAI)):
        return kind(azure_endpoint=target.gateway_url, api_key=key, api_version=AZURE_VERSION)
    return kind(base_url=f"{target.gateway_url}/openai/v1", api_key=key)


def test_the_table_has_every_shipped_lab_and_every_feature() -> None:
    assert set(TABLE) == {(name, lab) for name in FEATURES for lab in ON_AZURE}


async def refusal(feature: Feature, client: Any, model: str) -> str | None:
    """The error's code if the gateway refuses a feature; None if it works."""
    try:
        await feature(client, model)
    except APIStatusError as error:
        return str(error.code)
    return None


@pytest.mark.parametrize("kind", CLIENTS, ids=lambda kind: kind.__name__)
async def test_each_client_can_do_what_the_table_says(kind: type[Any], lab: LabUp) -> None:
    client, model = client_of(kind, lab.target), lab.target.deployment
    found = {name: await refusal(feature, client, model) for name, feature in FEATURES.items()}
    await got(client.close())
    assert found == {name: None if TABLE[name, lab.name] else "DeploymentNotFound" for name in FEATURES}


@pytest.mark.parametrize("kind", [OpenAI, AzureOpenAI], ids=lambda kind: kind.__name__)
def test_a_wrong_key_and_an_unknown_deployment_are_refused_as_on_azure(kind: type[Any], lab: LabUp) -> None:
    with client_of(kind, lab.target) as client:
        with pytest.raises(APIStatusError) as caught:
            client.with_options(api_key="wrong").chat.completions.create(model=lab.target.deployment, messages=MESSAGES)
        assert caught.value.status_code == 401
        with pytest.raises(APIStatusError) as caught:
            client.chat.completions.create(model="nobody", messages=MESSAGES)
        assert (caught.value.status_code, caught.value.code) == (404, "DeploymentNotFound")
