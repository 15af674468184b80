"""The record of one request attempt: the only thing that crosses from traffic to reports."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["ORIGINS", "SCHEMA", "SCHEMA_VERSION"]

SCHEMA_VERSION = 1

ORIGINS = ("backend", "gateway", "client")
"""Who produced the answer. `client`: nobody did, the request failed on our side (status 0)."""

_text = pa.dictionary(pa.int32(), pa.string())


def _column(name: str, kind: pa.DataType, meaning: str, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"meaning": meaning})


SCHEMA = pa.schema(
    [
        _column("start_ns", pa.int64(), "first byte handed to the connection, unix ns"),
        _column("intended_ns", pa.int64(), "when the schedule wanted it, unix ns; closed loop: start_ns"),
        _column("latency_us", pa.int32(), "start to last byte of the answer, or to the failure, us"),
        _column("first_byte_us", pa.int32(), "streaming: start to first token, us; else null", nullable=True),
        _column(
            "backend_us", pa.int32(), "gateway's wait for the backend, by the shipped policies; null: not told", True
        ),
        _column("status", pa.int16(), "HTTP status; 0: no response"),
        _column("origin", _text, "backend, gateway or client"),
        _column("backend", _text, "the lab's name of the backend that answered; null: not known", nullable=True),
        _column("retry_after_s", pa.float32(), "the answer's Retry-After; null: none", nullable=True),
        _column("prompt_tokens", pa.int32(), "from usage; null: not told", nullable=True),
        _column("completion_tokens", pa.int32(), "from usage; null: not told", nullable=True),
        _column("error", _text, "short class such as ConnectionRefused; null: a whole response came", nullable=True),
        _column("phase", _text, "the scenario's phase at the intended start"),
        _column("user", _text, "user class"),
        _column("worker", pa.int16(), "index of the recording process, from 0"),
    ],
    metadata={"tripcurve.schema": str(SCHEMA_VERSION)},
)
