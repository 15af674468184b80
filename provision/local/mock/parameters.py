"""Read and check the body of a request, and estimate its tokens. Every mistake is an ApiError 400."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from provision.local.mock.errors import bad_request, invalid_type
from provision.local.mock.forms import Form, chat_form, response_form
from provision.local.mock.tokens import estimate

__all__ = [
    "Body",
    "Parameters",
    "parse_body",
    "read_chat",
    "read_completion",
    "read_embedding",
    "read_image",
    "read_responses",
]

Body = dict[str, Any]

DEFAULT_TOKENS = 16
"""Completion tokens if neither the request nor its simulation sets a number."""
MOST_TOKENS = 100_000
MOST_CHOICES = 128
MOST_INPUTS = 2048
MOST_IMAGES = 10
MOST_LOGPROBS = 20
LARGEST_SIDE = 2048
"""Longest side of an image in pixels, as large as that of any size that Azure offers."""
ROLES = frozenset({"system", "user", "assistant", "tool", "function", "developer"})
_SIZE = re.compile(r"(\d{1,4})x(\d{1,4})")
_NUMBERS = {"temperature": (0, 2), "top_p": (0, 1), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2)}


@dataclass(slots=True)
class Parameters:
    """The parameters of one request. `max_tokens` None: no limit. `simulation` None: the body has none."""

    prompt_tokens: int
    max_tokens: int | None = None
    choices: int = 1
    best_of: int = 1
    stream: bool = False
    include_usage: bool = False
    simulation: Body | None = None
    inputs: list[bytes] = field(default_factory=list)
    dimensions: int | None = None
    base64: bool = False
    size: tuple[int, int] = (1024, 1024)
    """Width and height of an image, in pixels."""
    form: Form | None = None
    """None: the answer is plain text."""
    logprobs: int | None = None
    """How many alternatives each token's log probabilities list; None: the request does not ask for them."""
    previous: str | None = None
    """The id of the response that this one continues; None: it begins a conversation."""
    store: bool = False

    @property
    def cost(self) -> int:
        """Return the tokens that the quota counts for the request before anything is generated [D-QUOTA]."""
        if self.inputs:
            return self.prompt_tokens
        wanted = DEFAULT_TOKENS if self.max_tokens is None else self.max_tokens
        return self.prompt_tokens + wanted * max(self.choices, self.best_of)


def parse_body(data: bytes) -> Body:
    """Return the body as a JSON object. Raises ApiError 400 if it is not one."""
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"We could not parse the JSON body of your request. ({error})", "invalid_json") from None
    if not isinstance(body, dict):
        raise bad_request("The body of your request must be a JSON object.", "invalid_json")
    return body


def read_chat(body: Body) -> Parameters:
    """Read a chat completion. The seed's `messages[0].content.simulation` becomes the simulation.

    Raises ApiError 400 for a wrong field.
    """
    messages = _required(body, "messages", list, "an array of objects")
    if not messages:
        raise bad_request("[] is too short - 'messages'", param="messages")
    tokens, simulation = 3, None  # the model adds three tokens to every prompt
    for index, message in enumerate(messages):
        content = _message_content(message, index)
        if isinstance(content, dict) and index == 0 and "simulation" in content:
            simulation = _simulation(content["simulation"])
        else:
            tokens += 4 + estimate(_characters(content, f"messages[{index}].content"))
    if "max_tokens" in body and "max_completion_tokens" in body:
        raise bad_request(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            "invalid_parameter_combination",
            "max_tokens",
        )
    limit = _integer(body, "max_completion_tokens" if "max_completion_tokens" in body else "max_tokens", 1, MOST_TOKENS)
    parameters = Parameters(tokens, limit, simulation=simulation, form=chat_form(body), logprobs=_logprobs(body))
    _common(body, parameters)
    return parameters


def read_completion(body: Body) -> Parameters:
    """Read a legacy completion, whose prompt is a text, a list of texts, a list of tokens or several of those.

    Raises ApiError 400 for a wrong field.
    """
    prompt = body.get("prompt", "")
    tokens = sum(count for count, _ in _inputs(prompt, "prompt"))
    parameters = Parameters(tokens, _integer(body, "max_tokens", 0, MOST_TOKENS))
    parameters.best_of = _integer(body, "best_of", 1, MOST_CHOICES) or 1
    _common(body, parameters)
    return parameters


def read_embedding(body: Body) -> Parameters:
    """Read a request for embeddings of one input or a list of inputs. Raises ApiError 400 for a wrong field."""
    found = _inputs(_required(body, "input", (str, list), "a string or an array"), "input")
    if not found:
        raise bad_request("[] is too short - 'input'", param="input")
    encoding = body.get("encoding_format")
    if encoding not in (None, "float", "base64"):
        raise bad_request("Invalid value for 'encoding_format': must be 'float' or 'base64'.", param="encoding_format")
    parameters = Parameters(sum(count for count, _ in found), inputs=[digest for _, digest in found])
    parameters.dimensions = _integer(body, "dimensions", 1, 8192)
    parameters.base64 = encoding == "base64"
    return parameters


def read_image(body: Body) -> Parameters:
    """Read a request for images. Raises ApiError 400 for a wrong field."""
    prompt = _required(body, "prompt", str, "a string")
    parameters = Parameters(estimate(len(prompt)), max_tokens=0)
    parameters.choices = _integer(body, "n", 1, MOST_IMAGES) or 1
    # Only the older models return a URL, and only they take `response_format`.
    parameters.base64 = body.get("response_format") != "url"
    size = body.get("size")
    if size not in (None, "auto"):
        found = _SIZE.fullmatch(str(size))
        if found is None or not all(1 <= int(side) <= LARGEST_SIDE for side in found.groups()):
            raise bad_request(f"Invalid value for 'size': {str(size)[:40]!r}.", "invalid_value", "size")
        parameters.size = int(found[1]), int(found[2])
    return parameters


def read_responses(body: Body) -> Parameters:
    """Read a request of the responses operation, whose `input` is a text or a list of items.

    Raises ApiError 400 for a wrong field.
    """
    given = _required(body, "input", (str, list), "a string or an array")
    characters = (
        len(given) if isinstance(given, str) else sum(_item_characters(item, i) for i, item in enumerate(given))
    )
    instructions = body.get("instructions")
    characters += len(instructions) if isinstance(instructions, str) else 0
    parameters = Parameters(3 + estimate(characters), _integer(body, "max_output_tokens", 1, MOST_TOKENS))
    parameters.form = response_form(body)
    parameters.previous = _text(body, "previous_response_id")
    parameters.store = body.get("store") is None or _boolean(body, "store", "store")
    _common(body, parameters)
    parameters.choices = 1
    return parameters


def _common(body: Body, parameters: Parameters) -> None:
    parameters.stream = _boolean(body, "stream", "stream")
    options = body.get("stream_options")
    if options is not None:
        if not isinstance(options, dict):
            raise invalid_type("stream_options", "an object", options)
        parameters.include_usage = _boolean(options, "include_usage", "stream_options.include_usage")
    if "n" in body:
        parameters.choices = _integer(body, "n", 1, MOST_CHOICES) or 1
    for name, (low, high) in _NUMBERS.items():
        value = body.get(name)
        if value is not None:
            _check_number(name, value, low, high)


def _logprobs(body: Body) -> int | None:
    """Return the number of alternatives to list for each token; None if the request asks for no log probabilities."""
    top = _integer(body, "top_logprobs", 0, MOST_LOGPROBS)
    if _boolean(body, "logprobs", "logprobs"):
        return 0 if top is None else top
    if top is not None:
        raise bad_request(
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.", None, "top_logprobs"
        )
    return None


def _message_content(message: Any, index: int) -> Any:
    if not isinstance(message, dict):
        raise invalid_type(f"messages[{index}]", "an object", message)
    role = message.get("role")
    if not isinstance(role, str):
        if role is None:
            raise bad_request(f"Missing required parameter: 'messages[{index}].role'.", param=f"messages[{index}].role")
        raise invalid_type(f"messages[{index}].role", "a string", role)
    if role not in ROLES:
        raise bad_request(
            f"Invalid value: '{role[:40]}'. Supported values are: {', '.join(sorted(ROLES))}.",
            "invalid_value",
            f"messages[{index}].role",
        )
    return message.get("content")


def _characters(content: Any, where: str) -> int:
    """Return the characters of a message's text. An image counts as 85 tokens, the least that models count."""
    if isinstance(content, str):
        return len(content)
    if content is None:
        return 0
    if not isinstance(content, list):
        raise invalid_type(where, "one of a string or array of objects", content)
    total = 0
    for index, part in enumerate(content):
        if not isinstance(part, dict):
            raise invalid_type(f"{where}[{index}]", "an object", part)
        text = part.get("text")
        total += len(text) if isinstance(text, str) else 85 * 4
    return total


def _item_characters(item: Any, index: int) -> int:
    if isinstance(item, dict):
        return _characters(item.get("content"), f"input[{index}].content")
    raise invalid_type(f"input[{index}]", "an object", item)


def _inputs(value: Any, where: str) -> list[tuple[int, bytes]]:
    """Return the token count and a digest of each input of a prompt or embedding."""
    if isinstance(value, str):
        return [(estimate(len(value)), _digest(value))]
    if not isinstance(value, list):
        raise invalid_type(where, "a string or an array", value)
    if value and all(type(token) is int for token in value):
        return [(len(value), _digest(value))]
    if len(value) > MOST_INPUTS:
        raise bad_request(f"'{where}' has {len(value)} items; at most {MOST_INPUTS} are accepted.", param=where)
    return [_input(item, f"{where}[{index}]") for index, item in enumerate(value)]


def _input(item: Any, where: str) -> tuple[int, bytes]:
    if isinstance(item, str):
        return estimate(len(item)), _digest(item)
    if isinstance(item, list) and item and all(type(token) is int for token in item):
        return len(item), _digest(item)
    raise invalid_type(where, "a string or an array of integers", item)


def _digest(value: object) -> bytes:
    return hashlib.sha256(orjson.dumps(value)).digest()


def _simulation(value: Any) -> Body:
    if not isinstance(value, dict):
        raise invalid_type("messages[0].content.simulation", "an object", value)
    return value


def _required(body: Body, name: str, kinds: type | tuple[type, ...], wanted: str) -> Any:
    if name not in body:
        raise bad_request(f"Missing required parameter: '{name}'.", "missing_required_parameter", name)
    value = body[name]
    if not isinstance(value, kinds):
        raise invalid_type(name, wanted, value)
    return value


def _text(body: Body, name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid_type(name, "a string", value)
    return value


def _boolean(body: Body, name: str, where: str) -> bool:
    value = body.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise invalid_type(where, "a boolean", value)
    return value


def _integer(body: Body, name: str, low: int, high: int) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int:
        raise invalid_type(name, "an integer", value)
    _check_number(name, value, low, high)
    return value


def _check_number(name: str, value: Any, low: int, high: int) -> None:
    if type(value) is not int and type(value) is not float:
        raise invalid_type(name, "a number", value)
    if not low <= value <= high:
        raise bad_request(f"{value} is out of range for '{name}': must be {low} to {high}.", "invalid_value", name)
