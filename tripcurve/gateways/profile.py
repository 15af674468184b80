"""What differs from one kind of gateway to another, as data: how its answers are recognised and what its rule means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tripcurve.field_errors import FieldError
from tripcurve.lab.gateway import Kind
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule

__all__ = [
    "OTHER_REFUSAL",
    "UNAVAILABLE",
    "Export",
    "Expression",
    "GatewayProfile",
    "Knob",
    "KnobValue",
    "OtherAnswer",
    "Pattern",
    "Truth",
    "Wait",
    "no_refusal",
]

UNAVAILABLE = 503
"""The status of a shed, unless a gateway or its rule has another [SPEC26]."""
OTHER_REFUSAL = "OtherRefusal"
"""The error class of a gateway's own answer that has the status of a shed and is none."""

KnobValue = int | float | str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which answers are meant: those that have all of these properties.

    `statuses`: inclusive ranges; empty: any status. `headers`: names in lower case, each with a regular expression that
    its value contains; the empty one matches every value. `body`: a regular expression that the first 4 KiB of the body
    contain; None: any body.
    """

    statuses: tuple[tuple[int, int], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None

    @property
    def beyond_status(self) -> bool:
        """Whether more than the status decides."""
        return bool(self.headers) or self.body is not None


@dataclass(frozen=True, slots=True)
class OtherAnswer:
    """An answer of the gateway itself that is no shed. `name`: the error class with which it is recorded."""

    name: str
    pattern: Pattern
    meaning: str


@dataclass(frozen=True, slots=True)
class Wait:
    """The header in which the gateway reports how long it waited for the backend. `unit_us`: microseconds per unit."""

    header: str
    unit_us: float


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting of the gateway's rule, by its own name."""

    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Export:
    """The record that Azure keeps of a gateway: what the service is called, its log's table, and its resource type."""

    service: str
    log: str
    resource: str


@dataclass(frozen=True, slots=True)
class Truth:
    """Whether the gateway records when its breakers open and close, and where."""

    recorded: bool
    how: str
    export: Export | None = None
    """What Azure records of it; None: nothing."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A rule in the gateway's own terms.

    `not_expressed`: sentences about parts that the gateway does otherwise. `refused`: parts without which the rule
    would be another one; each field is relative to the rule, and the message has the remedy.
    """

    knobs: Mapping[str, KnobValue] = field(default_factory=dict)
    not_expressed: tuple[str, ...] = ()
    refused: tuple[FieldError, ...] = ()


def _unchanged(rule: BreakerRule) -> BreakerRule:
    return rule


@dataclass(frozen=True, slots=True)
class GatewayProfile:
    """How to tell one gateway's answers apart, and what its rule means.

    `sheds`: the answers of an open breaker. `sure_sheds`: their statuses that are certain before any answer is marked;
    None: all. `possible_sheds`: further statuses of its own answers that may be sheds although nothing states it.
    `may_limit`: whether it may answer these by a limit of its own. `others`: its own answers that are no sheds.
    `backend_headers`: headers that name the backend by its lab name, its host or a URL.
    `backend_marks`: headers that only a backend's answer has. `wait` None: not reported. `unmarked`: who gave an answer
    that shows neither. `settings`: the word for what configures the gateway. `key_header`: see `Target`.

    `counting`: how failures are counted. `half_open`: whether the open breaker tries single requests before it closes.
    `shared`: whether instances share its state. `in_turns`: whether a pool asks its members in turns, or at random.
    `rounds`: within how many rounds of turns each member gets its own, also while others join or leave. `retries`:
    whether one request may make several attempts. `options`: how reports expect the breaker to count, as far as the
    lab's `local:` block has words for it. `one_rule`: whether all backends have the same rule.
    `late_s`: how much longer than the rule says the breaker may stay open, s.
    `at_once`: whether it opens at the instant of the answer that completes the rule, and not some time later.
    `only_the_labs`: whether every answer of a backend comes from one of the lab's. `not_alone`: a sentence about labs
    with a single backend; None: nothing special. `install`: the command that installs the program for
    `--target local`; None: it needs none, or there is none. `url`: where the lab's gateway is, if
    nothing else is stated; None: not known.
    """

    kind: Kind
    title: str
    sheds: Pattern
    truth: Truth
    express: Callable[[BreakerRule], Expression]
    counting: Literal["window", "consecutive", "fixed window", "none"]
    options: LocalOptions
    sure_sheds: frozenset[int] | None = None
    possible_sheds: tuple[int, ...] = ()
    may_limit: bool = False
    others: tuple[OtherAnswer, ...] = ()
    backend_headers: tuple[str, ...] = ()
    backend_marks: tuple[str, ...] = ()
    wait: Wait | None = None
    unmarked: Literal["gateway", "backend"] = "gateway"
    settings: str = "configuration"
    key_header: str = "api-key"
    half_open: bool = False
    shared: bool = False
    in_turns: bool = True
    rounds: int = 1
    retries: bool = False
    knobs: tuple[Knob, ...] = ()
    one_rule: bool = False
    late_s: float = 0.0
    at_once: bool = True
    only_the_labs: bool = True
    not_alone: str | None = None
    install: str | None = None
    url: str | None = None
    in_force: Callable[[BreakerRule], BreakerRule] = _unchanged
    """Returns the rule that the gateway runs if it is given this one, with the parts that it does otherwise."""

    @property
    def shed_statuses(self) -> tuple[int, ...]:
        """The statuses of sheds, ascending."""
        return tuple(sorted({status for low, high in self.sheds.statuses for status in range(low, high + 1)}))

    @property
    def marker(self) -> str:
        """The header that shows that a backend answered."""
        return next(iter((*self.backend_headers, *self.backend_marks)), "such")

    @property
    def no_shed(self) -> frozenset[str]:
        """The error classes of the gateway's own answers that are no sheds although they may have their status."""
        names = {other.name for other in self.others}
        return frozenset({*names, OTHER_REFUSAL} if self.sheds.beyond_status else names)


def no_refusal(rule: BreakerRule) -> Expression:
    """Return the expression of a rule that nobody configures: it is as the lab says."""
    return Expression()
