"""A trace: requests of recorded or exported traffic that a run sends again, at the same distances in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from tripcurve.errors import BadInput
from tripcurve.scenario import Replay
from tripcurve.scenario.trace_file import Sent

__all__ = ["Trace", "TraceMessage"]

MOST_REQUESTS = 5_000_000
Sizes = npt.NDArray[np.int32]


class TraceMessage(TypedDict):
    """A trace as it is sent to a worker."""

    due_ns: bytes
    prompt: bytes
    completion: bytes


@dataclass(frozen=True)
class Trace:
    """Requests in order of time: arrays of shape (n,), n > 0.

    `due_ns`: ns after the first request, no two of them equal. `prompt` and `completion`: tokens; 0: not known.
    """

    due_ns: npt.NDArray[np.int64]
    prompt: Sizes
    completion: Sizes

    @property
    def length_s(self) -> float:
        """The length in whole seconds, with the last request within it."""
        return float(self.due_ns[-1] // 1_000_000_000 + 1)

    def due_s(self, begin_s: float, end_s: float) -> Iterator[float]:
        """Yield when each request is due that is due in `[begin_s, end_s)`; all are seconds after the first request."""
        bounds = [round(begin_s * 1e9), round(end_s * 1e9)]
        first, last = np.searchsorted(self.due_ns, bounds).tolist()
        return (due / 1e9 for due in self.due_ns[first:last].tolist())

    def sizes(self, due_ns: int) -> tuple[int, int]:
        """Return the tokens of prompt and completion of the request that is due at this ns; 0: not known."""
        place = min(int(np.searchsorted(self.due_ns, due_ns)), len(self.due_ns) - 1)
        if self.due_ns[place] != due_ns:
            return 0, 0  # the request of a probe, which is no part of the trace
        return int(self.prompt[place]), int(self.completion[place])

    def to_message(self) -> TraceMessage:
        """Return plain data for a message."""
        return {
            "due_ns": self.due_ns.tobytes(),
            "prompt": self.prompt.tobytes(),
            "completion": self.completion.tobytes(),
        }

    @classmethod
    def from_message(cls, data: TraceMessage) -> Trace:
        """Return the trace from the data of `to_message`."""
        sizes = (np.frombuffer(data["prompt"], np.int32), np.frombuffer(data["completion"], np.int32))
        return cls(np.frombuffer(data["due_ns"], np.int64), *sizes)

    @classmethod
    def of(cls, sent: Sent, replay: Replay, path: Path) -> Trace:
        """Return the trace of a file's requests, scaled in time and rate. Raises BadInput, which names the file."""
        order = np.argsort(sent.at_ns, kind="stable")
        at_ns = (sent.at_ns[order] - sent.at_ns.min()) / replay.speed
        if len(order) * replay.rate > MOST_REQUESTS:
            raise BadInput(f"{path}: {len(order) * replay.rate:,.0f} requests; a trace has at most {MOST_REQUESTS:,}")
        # Request k is sent as often as the multiple of the rate passes a whole number: evenly thinned, or repeated.
        passed = np.floor(np.arange(len(order) + 1) * replay.rate).astype(np.int64)
        times = np.diff(passed)
        if not passed[-1]:
            raise BadInput(f"{path}: trace.rate {replay.rate:g} leaves none of its {len(order):,} requests")
        place = np.repeat(np.arange(len(order)), times)
        number = np.arange(len(place)) - np.repeat(passed[:-1], times)
        gap_ns = np.diff(at_ns, append=at_ns[-1])
        due_ns = np.rint(at_ns[place] + number * gap_ns[place] / times[place]).astype(np.int64)
        return cls(_apart(due_ns), sent.prompt[order][place], sent.completion[order][place])


def _apart(due_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return ascending instants moved by as few ns as makes all of them different."""
    count = np.arange(len(due_ns))
    apart: npt.NDArray[np.int64] = np.maximum.accumulate(due_ns - count) + count
    return apart
