"""A request that has passed every check and may be answered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypedDict

from provision.local.mock.access import Access
from provision.local.mock.answers.embedding import USUAL_DIMENSIONS
from provision.local.mock.errors import ApiError, bad_request, not_found, responses_too_old
from provision.local.mock.hosts import AccountHost, MockHost, Served
from provision.local.mock.operations import OPERATIONS, Operation
from provision.local.mock.parameters import Body, Parameters, parse_body
from provision.local.mock.routes import Route, parse_target
from provision.local.mock.tokens import estimate
from provision.local.wire.messages import Request
from tripcurve.target import RESPONSES_SINCE

__all__ = ["Call", "admit", "check_access", "check_size"]

LONGEST_NAME = 256
FIRST_VERSION = "2022-12-01"
V1_VERSIONS = frozenset({"v1", "preview", "latest"})
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
LARGEST_LOGPROBS = 10_000
"""Largest number of tokens of one answer whose log probabilities are listed."""
LARGEST_ANSWER = 1_000_000
"""Largest number of completion tokens of one answer, over all its choices."""
LARGEST_EMBEDDING = 1_000_000
"""Largest number of embedding values in one answer: more would delay every other request."""


class Names(TypedDict):
    """The names that the text of a 429 contains."""

    operation: str
    api_version: str | None
    deployment: str
    model: str
    region: str


@dataclass(slots=True)
class Call:
    """One operation on one deployment of one host."""

    host: MockHost
    served: Served
    operation: Operation
    route: Route
    parameters: Parameters

    def names(self) -> Names:
        """Return the names that the text of a 429 contains."""
        return {
            "operation": self.operation.name,
            "api_version": self.route.api_version,
            "deployment": self.served.name,
            "model": self.served.model_name,
            "region": self.host.region,
        }


def admit(host: MockHost, access: Access, request: Request, fields: dict[str, str], data: bytes) -> Call:
    """Check a request and return it as a call.

    Raises ApiError for a wrong route, credential, deployment or body, checked in this order.
    """
    route = parse_target(request.target)
    operation = None if route is None or request.method != "POST" else OPERATIONS.get(route.operation)
    if route is None or operation is None or route.item is not None:
        raise not_found()
    check_access(host, access, request, route, fields, operation.action)
    served = None if route.deployment is None else host.served(route.deployment)
    body = parse_body(data)
    if served is None:
        served = host.served(_model_of(body))
    if served.kind is not None and served.kind != operation.kind:
        raise _not_supported(operation, served)
    parameters = operation.read(body)
    _check_length(parameters, served)
    return Call(host, served, operation, route, parameters)


def check_access(
    host: MockHost, access: Access, request: Request, route: Route, fields: dict[str, str], action: str
) -> None:
    """Check the api-version, and on an account the path and the credential. Raises ApiError 404, 400 or 401.

    `action` is the data action that the caller needs, as in `Operation`.
    """
    version = route.api_version
    if version is not None and not _known(version):
        raise not_found()
    if isinstance(host, AccountHost):
        if not route.rooted or (route.style == "classic" and version is None):
            raise not_found()
        key, token = _credentials(route, fields)
        access.check(host.account, key, token, action, request.method, route.path)
    if route.style == "classic" and route.operation == "responses" and (version or "") < RESPONSES_SINCE:
        raise responses_too_old(RESPONSES_SINCE)


def _known(version: str) -> bool:
    """Return whether an api-version exists: a date of 2022-12-01 or later, or a name that the v1 API takes [D-V1]."""
    return version in V1_VERSIONS or (_DATED.fullmatch(version) is not None and version >= FIRST_VERSION)


def check_size(parameters: Parameters, simulated_tokens: int | None) -> None:
    """Raise ApiError 400 if the answer would be too large to build in one step.

    `simulated_tokens` are the simulation's completion tokens; None if it sets none.
    """
    tokens = (parameters.max_tokens or 0) if simulated_tokens is None else simulated_tokens
    if parameters.form is not None:
        tokens = estimate(len(parameters.form.text))
    if tokens * parameters.choices > LARGEST_ANSWER:
        wanted = tokens * parameters.choices
        raise bad_request(f"{wanted} completion tokens are too many; at most {LARGEST_ANSWER}.", "invalid_value", "n")
    if parameters.logprobs is not None and tokens * parameters.choices > LARGEST_LOGPROBS:
        raise bad_request(f"Log probabilities are listed for at most {LARGEST_LOGPROBS} tokens.", param="logprobs")
    if len(parameters.inputs) * (parameters.dimensions or USUAL_DIMENSIONS) > LARGEST_EMBEDDING:
        raise bad_request(f"Too many inputs for their dimensions: at most {LARGEST_EMBEDDING} numbers.", param="input")


def _credentials(route: Route, fields: dict[str, str]) -> tuple[str | None, str | None]:
    """Return key and Authorization header, each None if absent.

    On /openai/v1 the plain OpenAI client sends the key as a bearer token.
    """
    key, token = fields.get("api-key"), fields.get("authorization")
    if route.style == "v1" and key is None and token is not None and token.count(".") < 2:
        return token.partition(" ")[2].strip(), None
    return key, token


def _model_of(body: Body) -> str:
    """Return the deployment that the body names. Raises ApiError 400."""
    model = body.get("model")
    if not isinstance(model, str) or not 0 < len(model) <= LONGEST_NAME:
        raise bad_request("you must provide a model parameter", "missing_required_parameter", "model")
    return model


def _not_supported(operation: Operation, served: Served) -> ApiError:
    return bad_request(
        f"The {operation.verb} operation does not work with the specified model, {served.model_name}. Please choose "
        "different model and try again. You can learn more about which models can be used with each operation here: "
        "https://go.microsoft.com/fwlink/?linkid=2197993.",
        "OperationNotSupported",
    )


def _check_length(parameters: Parameters, served: Served) -> None:
    wanted = parameters.prompt_tokens + (0 if parameters.max_tokens is None else parameters.max_tokens)
    if served.context is not None and wanted > served.context:
        raise bad_request(
            f"This model's maximum context length is {served.context} tokens. However, you requested {wanted} tokens "
            f"({parameters.prompt_tokens} in the messages, {wanted - parameters.prompt_tokens} in the completion). "
            "Please reduce the length of the messages or completion.",
            "context_length_exceeded",
            "messages",
        )
