"""The lab's `gateway.answers:` block, which describes the answers of a gateway of kind `generic`."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tripcurve.lab.part import Part
from tripcurve.lab.rule import CheckedStatusRange

__all__ = ["AnswerPattern", "Answers", "HeaderName", "ShedPattern", "WaitHeader"]

HeaderName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$", description="Header name: 1-100 letters, digits and hyphens"),
]


def _check_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from None
    return text


Pattern = Annotated[str, Field(max_length=200), AfterValidator(_check_pattern)]


class AnswerPattern(Part):
    """Which answers are meant: those that have all of these properties."""

    statuses: tuple[CheckedStatusRange, ...] = Field((), max_length=10, description="Statuses; none: any status")
    headers: dict[HeaderName, Pattern] = Field(
        default_factory=dict,
        max_length=10,
        description="Headers that the answer has, each with a regular expression that its value contains",
    )
    body: Pattern | None = Field(None, description="Regular expression that the body's first 4 KiB contain")


class ShedPattern(AnswerPattern):
    """How an answer is recognised with which an open breaker refuses a request."""

    statuses: tuple[CheckedStatusRange, ...] = Field(
        ..., min_length=1, max_length=10, description="Statuses, such as 503"
    )


class WaitHeader(Part):
    """The header in which the gateway reports how long it waited for the backend."""

    header: HeaderName
    unit: Literal["s", "ms", "us"] = "ms"


class Answers(Part):
    """How the answers of a gateway are told apart: sheds, its other own answers, and those of backends."""

    title: str = Field("the gateway", min_length=1, max_length=60, description="What reports call the gateway")
    shed: ShedPattern
    others: dict[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,39}$")], AnswerPattern] = Field(
        default_factory=dict,
        max_length=10,
        description="The gateway's own answers that are no sheds, by name: 1-40 letters and digits, such as Overflow",
    )
    backend_headers: tuple[HeaderName, ...] = Field(
        (), max_length=5, description="Headers that name the backend: its name in the lab, its host, or its URL"
    )
    backend_marks: tuple[HeaderName, ...] = Field(
        (), max_length=10, description="Headers that only answers of backends have"
    )
    wait: WaitHeader | None = None
    unmarked: Literal["gateway", "backend"] = Field(
        "gateway", description="Who gave an answer that fits none of the patterns and has none of the headers"
    )
    key_header: HeaderName = Field("api-key", description="Header of the key; authorization: a bearer token")

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        if self.unmarked == "backend" and not self.shed.headers and self.shed.body is None:
            raise ValueError(
                "shed: a status alone does not tell a shed from the answer of a backend; give headers or body, "
                "or unmarked: gateway"
            )
        return self
