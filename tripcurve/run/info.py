"""run.json: versions, host, target, start and end of a run, its counts, and how it ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from tripcurve.errors import BadInput
from tripcurve.field_errors import field_errors
from tripcurve.run.layout import INFO
from tripcurve.run.record import SCHEMA_VERSION
from tripcurve.run.writing import write_whole

__all__ = [
    "CallCounts",
    "Counts",
    "EndKind",
    "Ended",
    "GatewayCounts",
    "Host",
    "Pacing",
    "Probing",
    "RunInfo",
    "SharpenedReset",
    "TokenGaps",
    "WorkerClock",
    "WorkerInfo",
]

UnixNs = Annotated[int, Field(ge=0, lt=2**62)]
"""An instant, unix ns, with room for sums in 64 bits."""
Ns = Annotated[int | float, Field(gt=-(2**62), lt=2**62)]
"""A duration or a difference of clocks, ns, with room for sums in 64 bits."""


class _Part(BaseModel):
    """A part of run.json. Keys that this version does not know are kept, so that newer runs lose nothing."""

    model_config = ConfigDict(extra="allow")

    def as_written(self) -> dict[str, JsonValue]:
        """Return the part as JSON values, with only the keys that were given."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class GatewayCounts(_Part):
    """The numbers that the local gateway counted itself, over all its units."""

    requests: int | None = None
    by_status: dict[str, int] | None = None


class Counts(_Part):
    """Requests as counted by each party."""

    recorded: int | None = None
    """Rows in requests.parquet."""
    gateway: GatewayCounts | None = None
    """None: the target keeps no counts."""
    units: list[dict[str, JsonValue]] | None = None
    mock: dict[str, JsonValue] | None = None
    unrecorded: int | None = None
    """Requests that the gateway counted minus those recorded. None: the target keeps no counts."""


class Pacing(_Part):
    """Open-loop arrivals of the whole run. All fields are None if the run was killed."""

    intended: int | None = None
    """Arrivals that the schedule asked for."""
    sent: int | None = None
    late_p99_ms: float | None = None
    """99th percentile of how late requests started, in ms; None if nothing was paced."""
    dropped: int | None = None
    """Arrivals that found no free user in time."""
    untold: int | None = None
    """Arrivals of a worker that died, up to its last message. It is not known how many of them it sent."""
    missed: int | None = None
    """Arrivals that were not sent: of a worker that died, after its last message, or that did not hear of its share."""
    dropped_by_phase: dict[str, int] | None = None
    """Dropped arrivals by the phase in which they were due, without probes. None: not recorded by phase."""
    missed_by_phase: dict[str, int] | None = None
    """Missed arrivals by the phase in which they were due. None: not recorded by phase."""


class TokenGaps(_Part):
    """Times between two tokens of a stream, ms."""

    n: int = 0
    p50: float | None = None
    p99: float | None = None


class WorkerClock(_Part):
    """A worker's clock compared with the main process's."""

    offset_ns: Ns = 0
    """The worker's unix time minus the main process's, as estimated."""
    half_width_ns: Ns = 0
    """Largest error of that estimate."""
    corrected: bool = False
    """Whether the worker's rows were corrected to the main process's clock when they were written."""
    shared: bool = False
    """Whether both ran on one machine, and so on the same clock."""
    samples: list[tuple[Ns, Ns, Ns]] = []
    """Offsets during the run, by time; empty: only the estimate above is known.

    Each has an instant (unix ns in the worker's rows), how far these rows are ahead of the main process's clock (ns),
    and how far that may be off (ns).
    """


class WorkerInfo(_Part):
    """One recording process."""

    worker: int | None = None
    rows: int | None = None
    """Rows that the process reported; None for a lost worker."""
    lost: bool = False
    """Whether the worker died, or sent no more messages, before it reported its counts."""
    missed_s: float | None = None
    """Seconds from a lost worker's last message to the end of the last phase in which it had a share, or of the run."""
    joined_s: float | None = None
    """Seconds from the run's start to the first phase in which this worker had a share. None: it had none.

    Not set for a run without workers, and by older versions.
    """
    host: str | None = None
    clock: WorkerClock | None = None
    """None for the main process, and for a lost worker."""
    failure: str | None = None
    """Why the process stopped early; None if it did not."""


class Host(_Part):
    """The machine of the main process."""

    system: str | None = None
    release: str | None = None
    machine: str | None = None
    cpus: int | None = None


EndKind = Literal["completed", "interrupted", "target lost", "not recorded", "failed"]


class CallCounts(_Part):
    """The calls that clients began in a phase, and the attempts that they sent in it: the calls and their retries."""

    calls: int = 0
    attempts: int = 0


class SharpenedReset(_Part):
    """The dense probes of one open period."""

    outcome: str | None = None
    """`as expected`, `early`, `late`, `not expected` (the rule is not known), `budget spent` or `run ended`."""
    asked: int | None = None
    admitted: str | None = None
    """Which request was the first one admitted: `probe` or `traffic`. None: no request was."""
    gap_ms: float | None = None
    """Median time between two probes; None: there were fewer than two."""


class Probing(_Part):
    """Dense probes near resets: extra requests, recorded with the user `ProbeUser`."""

    sharpen_s: float | None = None
    """The configured gap between two probes; None: dense probes were off."""
    budget: int | None = None
    """The most probes of one open period."""
    reason: str | None = None
    """Why none were sent, or why sending stopped; None: nothing stopped it."""
    requests: int = 0
    answered: int = 0
    """How many of the requests a backend answered."""
    resets: list[SharpenedReset] = []


class Ended(_Part):
    """How a run ended, and when (unix ns; None if not known)."""

    kind: EndKind
    reason: str | None = None
    """One sentence with details; None if the kind needs none."""
    at_ns: UnixNs | None = None


class RunInfo(_Part):
    """The content of run.json. A field is None if the file, written by an older version, does not have it."""

    model_config = ConfigDict(populate_by_name=True)

    version: int = Field(SCHEMA_VERSION, alias="schema")
    tripcurve: str | None = None
    lab: str | None = None
    scenario: str | None = None
    target: str | None = None
    """Kind of target: local, azure, url or simulated."""
    gateway: str | None = None
    """Kind of gateway, as the lab states it; None: an older version wrote the file."""
    start_ns: UnixNs | None = None
    """The start of the run, from which its times count, unix ns on the main process's clock."""
    end_ns: UnixNs | None = None
    """The end of the last phase or, if earlier, when the run was stopped; unix ns."""
    exit: int | None = None
    """The exit code of the traffic; checks are not part of it."""
    interrupted: bool = False
    ended: Ended | None = None
    """How the run ended; None if an older version wrote the file, or the run was killed."""
    counts: Counts | None = None
    pacing: Pacing | None = None
    token_gap_ms: TokenGaps | None = None
    probing: Probing | None = None
    outcomes: dict[str, int] | None = None
    """How calls with retries ended, by user class and outcome."""
    calls: dict[str, CallCounts] | None = None
    """Calls and attempts of clients that can retry, by phase."""
    rules: dict[str, dict[str, JsonValue] | None] | None = None
    """Each backend's breaker rule as read back from the service; None if it was not read."""
    options: dict[str, JsonValue] | None = None
    """The lab's `local:` block as it was in force."""
    versions: dict[str, str] | None = None
    host: Host | None = None
    workers: list[WorkerInfo] | None = None
    simulation: dict[str, JsonValue] | None = None
    """How a simulated run was made: method, seed and other settings. None for a run with real traffic."""

    @classmethod
    def of_killed_run(cls) -> RunInfo:
        """Return the info of a run that was killed before it wrote run.json: only that it was killed."""
        return cls(interrupted=True)

    def write(self, folder: Path) -> None:
        """Write run.json atomically into a run directory. Raises OSError."""
        write_whole(folder / INFO, json.dumps(self.as_written(), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> RunInfo | None:
        """Read run.json of a run directory. Returns None if there is no such file.

        Raises BadInput, which names the file and the remedy, if it is cut short or damaged, or a newer version wrote
        it.
        """
        path = folder / INFO
        remedy = "remove it to report from the records alone"
        try:
            content = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            raise BadInput(f"{path} is not readable JSON (cut short, or damaged); {remedy}") from None
        if not isinstance(content, dict):
            raise BadInput(f"{path} is not a JSON object; {remedy}")
        version = content.get("schema", SCHEMA_VERSION)
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise BadInput(
                f"{path} was written in version {version}; this Tripcurve reads up to version {SCHEMA_VERSION}. "
                "Update Tripcurve to read this run"
            )
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise BadInput(f"{path}: {field_errors(error, cls)[0]}; {remedy}") from None
