"""The record of one request attempt, which traffic and simulator write and reports read."""

from __future__ import annotations

from types import NoneType
from typing import Annotated, NamedTuple, get_args, get_type_hints

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["CANCELED", "ORIGINS", "SCHEMA", "SCHEMA_VERSION", "Row", "are_dense_probes"]

SCHEMA_VERSION = 1
"""The version of the rows and of run.json. A reader refuses a newer one."""

ORIGINS = ("backend", "gateway", "client")
"""Who produced the answer. `client` means that there was none: the request failed on the client's side (status 0)."""

CANCELED = "CanceledByClient"
"""The error of a request whose client closed the connection although an answer could still come."""

_TEXT = pa.dictionary(pa.int32(), pa.string())


class Row(NamedTuple):
    """One request attempt. Each field has its Arrow type and meaning; None is stored as null."""

    start_ns: Annotated[int, pa.int64(), "first byte handed to the connection, unix ns"]
    intended_ns: Annotated[int, pa.int64(), "when it was due by the schedule, unix ns; closed loop: start_ns"]
    latency_us: Annotated[int, pa.int32(), "start to last byte of the answer, or to the failure, us"]
    first_byte_us: Annotated[int | None, pa.int32(), "streaming: start to first token, us; else null"]
    backend_us: Annotated[
        int | None, pa.int32(), "gateway's wait for the backend, by the shipped policies; null: not reported"
    ]
    status: Annotated[int, pa.int16(), "HTTP status; 0: no response"]
    origin: Annotated[str, _TEXT, "backend, gateway or client"]
    backend: Annotated[str | None, _TEXT, "the lab's name of the backend that answered; null: not known"]
    retry_after_s: Annotated[float | None, pa.float32(), "the answer's Retry-After; null: it had no such header"]
    prompt_tokens: Annotated[int | None, pa.int32(), "from usage; null: not reported"]
    completion_tokens: Annotated[int | None, pa.int32(), "from usage; null: not reported"]
    error: Annotated[str | None, _TEXT, "short class such as ConnectionRefused; null: a whole response came"]
    phase: Annotated[str, _TEXT, "the scenario's phase at the intended start"]
    user: Annotated[str, _TEXT, "user class"]
    worker: Annotated[int, pa.int16(), "index of the recording process, from 0"]


def _schema() -> pa.Schema:
    """Return the Arrow schema of `Row`: one column per field, in its order."""
    fields = []
    for name, hint in get_type_hints(Row, include_extras=True).items():
        python_type, arrow_type, meaning = get_args(hint)
        nullable = NoneType in get_args(python_type)
        fields.append(pa.field(name, arrow_type, nullable=nullable, metadata={"meaning": meaning}))
    return pa.schema(fields, metadata={"tripcurve.schema": str(SCHEMA_VERSION)})


SCHEMA = _schema()


def are_dense_probes(table: pa.Table) -> pa.BooleanArray:
    """Return which rows are dense probes: requests of a ProbeUser that have no place in the schedule. Shape (rows,).

    They time a breaker's reset and are not part of the traffic.
    """
    by_prober = pc.equal(table["user"].cast(pa.string()), "ProbeUser")
    return pc.and_(by_prober, pc.equal(table["start_ns"], table["intended_ns"])).combine_chunks()
