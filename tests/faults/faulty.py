"""The product's locustfile in a process with a slow disk or a clock that is set, for whole runs under Locust.

`SLOW_DISK_S` in the environment: each flush blocks the process so long. `CLOCK_STEP_S`: the wall clock is so far off.
Both begin `FAULT_AT_S` after the first rows were flushed.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from gevent.monkey import get_original

sys.path.insert(0, str(Path(__file__).parents[2]))
_AT_S, _SLOW_S, _STEP_S = (float(os.environ.get(name, "0")) for name in ("FAULT_AT_S", "SLOW_DISK_S", "CLOCK_STEP_S"))
_first: list[float] = []
_monotonic, _wall, _wall_ns, _block = time.monotonic, time.time, time.time_ns, get_original("time", "sleep")


def _begun() -> bool:
    return bool(_first) and _monotonic() >= _first[0] + _AT_S


# Before anything else takes these functions.
time.time = lambda: _wall() + (_STEP_S if _begun() else 0)
time.time_ns = lambda: _wall_ns() + (int(_STEP_S * 1e9) if _begun() else 0)

from locustfiles.chat import *  # noqa: E402, F403
from locustfiles.recording.recorder import Recorder  # noqa: E402

_flush = Recorder.flush


def _flush_slowly(self: Recorder) -> None:
    if _SLOW_S and _begun():
        _block(_SLOW_S)  # the whole process, as a write to a slow disk does
    _flush(self)
    _first.append(_monotonic())


Recorder.flush = _flush_slowly  # type: ignore[method-assign]
