"""Writes docs/gateway.md from the code's own tables: policies, expression members, breaker options.

`python -m provision.local.apim.reference docs/gateway.md`
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import get_args

from pydantic.fields import FieldInfo

from provision.local.apim.expressions import Limits, documented_members
from provision.local.apim.policies import documented_elements
from provision.local.apim.policies.elements import SECTIONS, Attribute, Child, Element
from provision.local.apim.policies.liquid import FILTERS, TAGS
from provision.local.apim.policies.reader import MAX_FRAGMENT_DEPTH, MAX_INCLUDES
from provision.local.apim.policies.reading import MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_ELEMENTS
from provision.local.apim.policies.steps import Policy
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule

__all__ = ["render"]

_INTRO = """# The local gateway

This page lists what the local gateway runs of API Management, and the source of each behaviour. It is written by
`python -m provision.local.apim.reference docs/gateway.md` from the tables that the gateway itself uses; a test fails
when it is out of date.

[sources.md](sources.md) has the title and address of each source. *open* means that nobody outside Microsoft knows
the behaviour, so it is an option.
"""

_POLICIES = """
## Policies

A document is compiled once, when it is stored. What cannot run here is refused then, with ARM's `ValidationError`
naming element, line, column and reason; nothing is skipped silently. *runs*: does what Azure does. *recorded*:
what Azure
would store is kept in the gateway's log instead. *refused*: known, not runnable here, for the reason given. A name
that is not in the table is refused as unknown.

`*` marks what must be there, `@` where an expression may stand, `°` what is checked but changes nothing here, `†`
what is known but refused here. Sections: i inbound, b backend, o outbound, e on-error.

| Element | Status | Sections | Attributes and children | Rests on | Note |
| --- | --- | --- | --- | --- | --- |
"""

_BOUNDS = """
Bounds of a document: {bytes} KiB, {depth} levels of elements, {elements} elements; {includes} fragments,
{nested} deep.
Document types, entities and processing instructions are refused.

Formats `xml` and `rawxml`: in `rawxml` an expression may hold quotes, `<` and `&` as they are; entities that
authors left in it
are resolved when it is not C# otherwise. A section that a document leaves out is inherited from the parent
scope, as
if it held `<base />`.

Liquid in `set-body`: `body` and `context`, the tags {tags} and the filters {filters}. Lists and objects print as JSON,
and the pairs of an object have `Key` and `Value`, as in DotLiquid. A template that fails ends in `on-error`, where
DotLiquid prints the error into the body.
"""

_EXPRESSIONS = """
## Expressions

A C# 7 subset, compiled to closures. Only what stands here can be reached. An evaluation may spend {steps} steps and
{memory} MiB. Statements: `var` and typed locals, `if`, `switch`, `for`, `foreach`, `while`, `do`,
`try`/`catch`/`finally`, `throw`,
`return`; lambdas, LINQ methods, interpolated and verbatim strings, `?.`, `??`, `is`, `as`, `out var`,
object and collection initialisers.

| Type | Members | Rests on |
| --- | --- | --- |
"""

_BREAKER = """
## The breaker

ARM's properties of `circuitBreaker.rules[]` and the lab's names for them.

| ARM | Lab | Status | Meaning | Rests on |
| --- | --- | --- | --- | --- |
"""

_OPTIONS = """
### Options

What is not known of API Management, or differs between tiers, is an option of the lab's `local:` block. A
report prints
those in force. All of them run; *open* says what is known beside.

| Option | Default | Values | Meaning | Rests on |
| --- | --- | --- | --- | --- |
"""

_CONFORMANCE = """
## Held against the real one

`pytest tests/conformance` asks a gateway over HTTP: keys, routes, bodies, the breaker, pools, retries, Retry-After,
streams.
By default that is the local one. With `TRIPCURVE_CONFORMANCE_URL` and `TRIPCURVE_API_KEY` it is one in Azure, made by
`tripcurve up quick`; for pools `TRIPCURVE_CONFORMANCE_POOL_URL` and `TRIPCURVE_CONFORMANCE_POOL_KEY`, made by
`tripcurve up pool`. **That has not been run yet**: no Azure was at hand. What this page says of Azure rests on the
sources above.
"""

_ARM = {
    "name": ("rules[].name", "[TF]"),
    "count": ("failureCondition.count", "[D-BE], [SPEC], [TF]"),
    "percentage": ("failureCondition.percentage", "[SPEC], [TF]; least volume open"),
    "interval": ("failureCondition.interval", "[D-BE], [SPEC]; kind of window open"),
    "status_codes": ("failureCondition.statusCodeRanges[]", "[D-BE], [SPEC]"),
    "error_reasons": ("failureCondition.errorReasons[]", "[SPEC]; meaning open"),
    "trip_duration": ("tripDuration", "[D-BE], [SPEC]"),
    "accept_retry_after": ("acceptRetryAfter", "[D-BE], [SPEC]"),
    "failure_response": ("failureResponse.statusCode", "[SPEC26]; from 2025-03-01-preview on"),
}
_OPEN = {
    "breaker_window": "open",
    "success_clears": "open",
    "percentage_min_volume": "open",
    "half_open_probes": "open; [D-BE] knows no trial stage",
    "counter_after_reset": "open",
    "transport_failures": "open; [SAMPLES] list it as not tripping",
    "server_errors_alias": "open; [D-BE]'s own example, never explained",
    "retry_after_forms": "open; [D-BE] names the header only",
    "retry_after_ms": "open",
    "retry_after_cap": "open; [D-BE] warns of very long values",
    "retry_after_shorter": "open; [D-BE]: in place of the trip duration",
    "retry_after_outside_statuses": "open",
    "retry_after_from": "open",
    "late_failures": "open",
    "in_flight_at_trip": "open",
    "broken_stream_counts": "open",
    "backend_put_while_open": "open",
    "closed_event": "open; the event is that of [D-EG]",
    "pool_weighting": "open; [SAMPLES]: two equal members alternate",
    "weight_zero": "open",
    "priority_null": "open",
    "affinity_to_tripped": "open; [D-BE]: the gateway issues the cookie",
    "unit_count_override": "[D-BE]: instances share no state",
    "shed_profile": "[SAMPLES]: the wording changed by January 2026",
    "open_section": "open; [SAMPLES] handle it in either",
    "shed_retry_after": "open; [SAMPLES]: a pool's 503 has the header",
    "response_after_transport_failure": "open; [SAMPLES] assume either",
    "rule_bounds": "open; bounds are [TF]'s",
    "unsupported_breaker": "[D-BE]: not on Consumption, one rule",
    "cache_miss": "open; the policy's page says both",
    "variable_type_mismatch": "[PX]: throws; [PTK]: the default",
    "connect_time_counts": "open",
    "mock_tpm_window": "open",
    "mock_rpm_window": "[D-QUOTA]: 1 or 10 s",
    "mock_429_headers": "[CAPTURES] of each kind",
    "seed": "this product's own",
}
"""What each option's default rests on."""
_MEANINGS = {
    "error_reasons": "Reasons of failures without an answer",
    "counter_after_reset": "What a reset does to the failures still in the window",
    "retry_after_forms": "Forms of Retry-After that are read",
    "retry_after_shorter": "What a Retry-After shorter than the trip duration does",
    "retry_after_outside_statuses": "Whether a failure outside the status ranges may bring a Retry-After",
    "retry_after_from": "Which of several failures' Retry-After counts",
    "in_flight_at_trip": "What becomes of requests under way when the breaker trips",
    "backend_put_while_open": "What storing the backend does to its breaker",
    "closed_event": "When the reset is told",
    "pool_weighting": "Order in which members of equal priority take turns",
    "weight_zero": "What weight 0 means",
    "priority_null": "Group of a member without priority",
    "affinity_to_tripped": "Answer to a client bound to a tripped member: another one, or the 503",
    "shed_retry_after": "Retry-After of the open breaker's 503",
    "response_after_transport_failure": "`context.Response` after a call that got no answer",
    "rule_bounds": "A rule beyond Terraform's bounds, when it is stored",
    "cache_miss": "The variable of cache-lookup-value after a miss",
    "variable_type_mismatch": "`Variables.GetValueOrDefault<T>` of a variable of another type",
    "mock_tpm_window": "How the mock counts tokens per minute",
    "mock_rpm_window": "Window over which the mock judges calls per minute",
    "mock_429_headers": "Headers of the mock's own 429",
}
"""Of what is not described where it is defined."""
_MEMBER_SOURCES = {"4.2": "[D-ERR]", "5.1": "[PX]"}
"""Other members come from a table of counted use: they are documented in [PX] and used in [SAMPLES]."""


def render() -> str:
    """The whole page."""
    parts = [_INTRO, _POLICIES, *_rows(map(_policy, documented_elements())), _bounds()]
    parts += [_expressions(), *_rows(_members()), _BREAKER, *_rows(_rule()), _OPTIONS, *_rows(_options())]
    parts.append(_CONFORMANCE)
    return "".join(parts)


def _rows(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |\n"


def _policy(policy: Policy) -> tuple[str, ...]:
    sections = "".join(
        section[0] if section != "on-error" else "e" for section in SECTIONS if section in policy.sections
    )
    holds = "" if policy.status == "refused" else _holds(policy.element)
    note = policy.note + ("; once per document" if policy.once else "")
    return f"`{policy.name}`", policy.status, sections, holds, _cited(policy.fact), note.strip("; ")


def _cited(ids: str) -> str:
    """Put each id of a list of sources in brackets."""
    return ", ".join(f"[{name}]" if name[0].isupper() else name for name in ids.split(", "))


def _holds(element: Element) -> str:
    parts = [_attribute(attribute) for attribute in element.attributes]
    parts += [_child(child) for child in element.children]
    parts += ["policies"] if element.steps else []
    parts += {"none": [], "literal": ["text"], "expression": ["text@"]}[element.text]
    return ", ".join(parts)


def _attribute(attribute: Attribute) -> str:
    marks = ("*" if attribute.required else "") + ("@" if attribute.expression else "")
    return attribute.name + marks + _HERE[attribute.here]


_HERE = {"acts": "", "idle": "°", "refused": "†"}


def _child(child: Child) -> str:
    inner = _holds(child.element)
    marks = ("*" if child.least else "") + ("†" if child.element.refused else "")
    return f"`<{child.element.name}>`" + marks + (f" ({inner})" if inner else "")


def _bounds() -> str:
    return _BOUNDS.format(
        bytes=MAX_DOCUMENT_BYTES // 1024,
        depth=MAX_DEPTH,
        elements=f"{MAX_ELEMENTS:,}",
        includes=MAX_INCLUDES,
        nested=MAX_FRAGMENT_DEPTH,
        tags=", ".join(f"`{name}`" for name in TAGS),
        filters=", ".join(f"`{name}`" for name in FILTERS),
    )


def _expressions() -> str:
    limits = Limits()
    return _EXPRESSIONS.format(steps=f"{limits.steps:,}", memory=limits.memory // 2**20)


def _members() -> Iterator[tuple[str, ...]]:
    members = sorted(documented_members(), key=lambda member: (member[0].lower(), member[2]))
    for (name, source), group in groupby(members, key=lambda member: (member[0], _source(member[2]))):
        yield f"`{name}`", ", ".join(sorted({f"`{signature}`" for _, signature, _ in group})), source


def _source(source: str) -> str:
    return _MEMBER_SOURCES.get(source, "[PX], [SAMPLES]")


def _rule() -> Iterator[tuple[str, ...]]:
    for name, field in BreakerRule.model_fields.items():
        arm, source = _ARM[name]
        yield f"`{arm}`", f"`{name}`", "runs", field.description or _MEANINGS[name], source


def _options() -> Iterator[tuple[str, ...]]:
    for name, field in LocalOptions.model_fields.items():
        meaning = field.description or _MEANINGS[name]
        yield f"`{name}`", f"`{_shown(field.default)}`", _values(field), meaning, _OPEN[name]


def _values(field: FieldInfo) -> str:
    if field.annotation is bool:
        return "`true`, `false`"
    choices = [value for value in get_args(field.annotation) if isinstance(value, str)]
    return ", ".join(f"`{value}`" for value in choices)


def _shown(value: object) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
