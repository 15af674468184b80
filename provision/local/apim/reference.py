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

This page lists the policies, expressions and breaker properties of API Management that the local gateway supports,
with the source of each. `python -m provision.local.apim.reference docs/gateway.md` writes it from the tables that the
gateway uses, and a test fails when it is out of date.

[sources.md](sources.md) gives the title and address of each source. *Open* means that nobody outside Microsoft knows
the behaviour, so it is an option.
"""

_POLICIES = """
## Policies

A policy document is compiled once, when it is stored. A document with anything that the local gateway cannot run is
refused at that point, with ARM's `ValidationError` naming element, line, column and reason. Nothing is skipped
silently.

The status of a policy is one of:

* *runs*: it does the same as on Azure.
* *recorded*: the gateway writes to its log the data that Azure would send elsewhere.
* *refused*: the policy exists on Azure but cannot run here, for the reason given.

A policy that is not in the table is refused as unknown.

| mark | meaning |
| --- | --- |
| `*` | required |
| `@` | may be an expression |
| `°` | checked, but has no effect here |
| `†` | known, but refused here |

Sections: i inbound, b backend, o outbound, e on-error.

| Element | Status | Sections | Attributes and children | Source | Note |
| --- | --- | --- | --- | --- | --- |
"""

_BOUNDS = """
A document may have up to {bytes} KiB, {depth} levels of elements, {elements} elements, and {includes} fragments
nested {nested} deep. Document types, entities and processing instructions are refused.

A document is in format `xml` or `rawxml`. In `rawxml`, an expression may contain quotes, `<` and `&` unescaped. If it
is not valid C# because it was escaped all the same, its entities are resolved first. A section that a document leaves
out is inherited from the parent scope, as if it contained `<base />`.

Liquid templates in `set-body` can read `body` and `context`. They can use the tags {tags} and the filters {filters}.
As in DotLiquid, lists and objects print as JSON, and the pairs of an object have `Key` and `Value`. If a template
fails, the request continues in `on-error`, whereas DotLiquid prints the error into the body.
"""

_EXPRESSIONS = """
## Expressions

Expressions are a subset of C# 7 and are compiled to closures. They can use only the types and members in this table.
One evaluation may take up to {steps} steps and {memory} MiB.

Supported statements are `var` and typed local variables, `if`, `switch`, `for`, `foreach`, `while`, `do`,
`try`/`catch`/`finally`, `throw` and `return`. Lambdas, LINQ methods, interpolated and verbatim strings, `?.`, `??`,
`is`, `as`, `out var`, and object and collection initialisers are supported as well.

| Type | Members | Source |
| --- | --- | --- |
"""

_BREAKER = """
## The breaker

This table lists the properties of ARM's `circuitBreaker.rules[]` and their names in a lab.

| ARM | Lab | Status | Meaning | Source |
| --- | --- | --- | --- | --- |
"""

_OPTIONS = """
### Options

Each option of the lab's `local:` block answers a question that API Management's documentation leaves open, or that
its tiers answer differently. Every option works, and every report prints the options in force. After *open*, the last
column gives the little that is known.

| Option | Default | Values | Meaning | Source |
| --- | --- | --- | --- | --- |
"""

_CONFORMANCE = """
## Conformance with Azure

`pytest tests/conformance` tests a gateway over HTTP: keys, routes, bodies, the breaker, pools, retries, Retry-After
and streams. It tests the local gateway unless `TRIPCURVE_CONFORMANCE_URL` and `TRIPCURVE_API_KEY` name one on Azure
that `tripcurve up quick` has created. For pools, set `TRIPCURVE_CONFORMANCE_POOL_URL` and
`TRIPCURVE_CONFORMANCE_POOL_KEY` to the gateway that `tripcurve up pool` has created. **These tests have not been run
on Azure yet**, because no subscription was available. This page's statements about Azure come from the sources above.

`make azure-conformance`, with the same variables, asks your gateway and writes `build/azure-conformance/report.md` and
`report.json`: the behaviours that held and those that differed, each with the `local:` option that gives the local
gateway the same behaviour. The report contains no key and no host, so it can be attached to an issue. Exit code 1:
something differed; 3: the gateway could not be asked. A run takes about two minutes and some hundred requests.
"""

_ARM = {
    "name": ("rules[].name", "[TF]"),
    "count": ("failureCondition.count", "[D-BE], [SPEC], [TF]"),
    "percentage": ("failureCondition.percentage", "[SPEC], [TF]; the least volume is open"),
    "interval": ("failureCondition.interval", "[D-BE], [SPEC]; the kind of window is open"),
    "status_codes": ("failureCondition.statusCodeRanges[]", "[D-BE], [SPEC]"),
    "error_reasons": ("failureCondition.errorReasons[]", "[SPEC]; the meaning is open"),
    "trip_duration": ("tripDuration", "[D-BE], [SPEC]"),
    "accept_retry_after": ("acceptRetryAfter", "[D-BE], [SPEC]"),
    "failure_response": ("failureResponse.statusCode", "[SPEC26]; since 2025-03-01-preview"),
}
_OPEN = {
    "breaker_window": "open",
    "success_clears": "open",
    "percentage_min_volume": "open",
    "half_open_probes": "open; [D-BE] mentions no trial requests",
    "counter_after_reset": "open",
    "transport_failures": "open; [SAMPLES] say that it does not trip",
    "server_errors_alias": "open; an example in [D-BE] that is not explained",
    "retry_after_forms": "open; [D-BE] only names the header",
    "retry_after_ms": "open",
    "retry_after_cap": "open; [D-BE] warns of very long values",
    "retry_after_shorter": "open; [D-BE]: it replaces the trip duration",
    "retry_after_outside_statuses": "open",
    "retry_after_from": "open",
    "late_failures": "open",
    "in_flight_at_trip": "open",
    "broken_stream_counts": "open",
    "backend_put_while_open": "open",
    "closed_event": "open; [D-EG] describes the event",
    "pool_weighting": "open; [SAMPLES]: two equal members alternate",
    "weight_zero": "open",
    "priority_null": "open",
    "affinity_to_tripped": "open; [D-BE]: the gateway issues the cookie",
    "unit_count_override": "[D-BE]: instances share no state",
    "shed_profile": "[SAMPLES]: the wording changed by January 2026",
    "open_section": "open; [SAMPLES] handle it in both",
    "shed_retry_after": "open; [SAMPLES]: a pool's 503 has the header",
    "response_after_transport_failure": "open; [SAMPLES] assume both",
    "rule_bounds": "open; [TF] has the bounds",
    "unsupported_breaker": "[D-BE]: one rule, and none on Consumption",
    "cache_miss": "open; the policy's page contradicts itself",
    "variable_type_mismatch": "[PX]: throws; [PTK]: the default",
    "connect_time_counts": "open",
    "mock_tpm_window": "open",
    "mock_rpm_window": "[D-QUOTA]: 1 or 10 s",
    "mock_429_headers": "[CAPTURES] has each kind",
    "seed": "an option of the local cloud alone",
}
"""The source of each option's default."""
_MEANINGS = {
    "error_reasons": "Reasons for failures without a response",
    "counter_after_reset": "Whether a reset clears the failures still in the window",
    "retry_after_forms": "Which forms of Retry-After the breaker accepts",
    "retry_after_shorter": "Whether a Retry-After shorter than the trip duration replaces it",
    "retry_after_outside_statuses": "Whether the Retry-After of a status that is no failure is used",
    "retry_after_from": "Whose Retry-After is used if several failures have one",
    "in_flight_at_trip": "Whether requests in flight at a trip finish or are cancelled",
    "backend_put_while_open": "What happens to an open breaker when its backend is stored",
    "closed_event": "When the reset is reported",
    "pool_weighting": "Order in which members of equal priority take turns",
    "weight_zero": "How often a member of weight 0 is chosen",
    "priority_null": "Whether members without a priority come first or last",
    "affinity_to_tripped": "Whether a client bound to a tripped member gets another member or a 503",
    "shed_retry_after": "Retry-After of the open breaker's 503",
    "response_after_transport_failure": "`context.Response` after a call without a response",
    "rule_bounds": "What happens when a rule outside Terraform's bounds is stored",
    "cache_miss": "Value of cache-lookup-value's variable after a miss",
    "variable_type_mismatch": "What `Variables.GetValueOrDefault<T>` does if the variable is of another type",
    "mock_tpm_window": "How the mock counts tokens per minute",
    "mock_rpm_window": "Window in which the mock counts calls per minute",
    "mock_429_headers": "Headers of the mock's own 429",
}
"""Meanings of the fields that have no description where they are defined."""
_MEMBER_SOURCES = {"4.2": "[D-ERR]", "5.1": "[PX]"}
"""Sources by the number in `documented_members`. All other members are documented in [PX] and used in [SAMPLES]."""


def render() -> str:
    """Return the whole page."""
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
    """Return a list of source ids with each id in brackets."""
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
