"""The limits on clients' requests, and the answers to requests beyond them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

__all__ = ["Limits", "limits_table"]


def _limit(default: Any, unit: str, about: str, beyond: str) -> Any:
    return field(default=default, metadata={"unit": unit, "about": about, "beyond": beyond})


@dataclass(frozen=True)
class Limits:
    """The limits of one server, explained in each field's metadata. Sizes are in bytes, times in seconds.

    They are ours, not Azure's: no honest chat client reaches one, and a hostile client cannot fill memory.
    """

    target_bytes: int = _limit(16_384, "bytes", "Request target", "414")
    head_bytes: int = _limit(65_536, "bytes", "Request line and headers together", "431")
    head_count: int = _limit(200, "headers", "Number of headers", "431")
    body_bytes: int = _limit(64 * 1024 * 1024, "bytes", "Request body", "413")
    buffered_bytes: int = _limit(
        16 * 1024 * 1024, "bytes", "Body that a policy reads completely", "413; a response's body: 500"
    )
    connections: int = _limit(4096, "connections", "Open connections of one unit", "503, closed")
    pipelined: int = _limit(32, "requests", "Requests read ahead of the answer on one connection", "reading pauses")
    head_timeout_s: float = _limit(15.0, "s", "From a request's first byte to the end of its headers", "408")
    body_timeout_s: float = _limit(30.0, "s", "Between two pieces of a request's body", "408")
    idle_timeout_s: float = _limit(120.0, "s", "Between two requests on one connection", "closed")
    write_timeout_s: float = _limit(60.0, "s", "While a client does not read its answer", "cut off")
    linger_s: float = _limit(2.0, "s", "After a refusal, until the client has read the answer and closed", "cut off")
    stream_bytes: int = _limit(
        262_144, "bytes", "Streamed body that its reader has not read yet", "the sender is paused"
    )


def limits_table() -> str:
    """Return the default limits as a Markdown table, for docs/wire.md."""
    rows = [
        f"| `{each.name}` | {each.metadata['about']} | {_number(getattr(Limits, each.name))} {each.metadata['unit']} "
        f"| {each.metadata['beyond']} |"
        for each in fields(Limits)
    ]
    return "\n".join(["| limit | applies to | default | if exceeded |", "| --- | --- | --- | --- |", *rows, ""])


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:,}"
