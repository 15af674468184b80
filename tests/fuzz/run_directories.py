"""A child process that damages run directories and reads each: `python -m tests.fuzz.run_directories BASE SEED COUNT`.

A process of its own, since a library may end it by a signal, and so that its memory can be limited. For each finding it
prints one JSON line; the number of the last directory tried is printed at the end.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from reports.loading.run import load
from reports.statistics.summary import summarise
from reports.trips.analysis import analyse
from tests.fuzz.budget import bounded, limit_memory
from tests.fuzz.damage import damage_bytes, damage_json, damage_table
from tripcurve.errors import TripcurveError
from tripcurve.run.layout import EVENTS, INFO, LAB, REQUESTS, SCENARIO, shard_path
from tripcurve.run.record import SCHEMA

__all__ = ["damage", "read"]

SHARD = shard_path(Path(), 0).name


def read(folder: Path) -> str | None:
    """Report on a run directory. Return None if that went well or was refused in a sentence, else the traceback."""
    try:
        with bounded():
            run = load(folder)
            json.dumps(summarise(run, analyse(run), []))
    except TripcurveError as error:
        return None if str(error) else "an empty message"
    except BaseException:
        return traceback.format_exc()
    return None


def damage(folder: Path, rng: random.Random) -> str:
    """Damage one or two files of a run directory; return what was done."""
    ways: list[Callable[[Path, random.Random], str]] = [_bytes, _bytes, _json, _json, _lines, _table, _remove]
    return "; ".join(way(folder, rng) for way in rng.sample(ways, rng.choice((1, 1, 2))))


def _bytes(folder: Path, rng: random.Random) -> str:
    path = folder / rng.choice((INFO, EVENTS, LAB, SCENARIO, REQUESTS, REQUESTS, SHARD, SHARD))
    if path.exists():
        path.write_bytes(damage_bytes(path.read_bytes(), rng))
    if path.name == SHARD:  # else nobody reads the shard
        (folder / REQUESTS).unlink(missing_ok=True)
    return f"bytes of {path.name}"


def _json(folder: Path, rng: random.Random) -> str:
    path = folder / rng.choice((INFO, INFO, LAB, SCENARIO))
    if path.exists():
        value: Any = _parsed(path)
        for _ in range(rng.randint(1, 3)):
            value = damage_json(value, rng)
        path.write_text(json.dumps(value), "utf-8", errors="replace")
    return f"values of {path.name}"


def _parsed(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes().decode("utf-8", "replace"))
    except ValueError:
        return {}


def _lines(folder: Path, rng: random.Random) -> str:
    path = folder / EVENTS
    lines = path.read_text("utf-8", errors="replace").splitlines()
    if lines:
        at = rng.randrange(len(lines))
        try:
            lines[at] = json.dumps(damage_json(json.loads(lines[at]), rng))
        except ValueError:
            lines[at] = "{"
        path.write_text("\n".join(lines), "utf-8", errors="replace")
    return "events"


def _table(folder: Path, rng: random.Random) -> str:
    with ipc.open_stream((folder / SHARD).read_bytes()) as stream:
        table = stream.read_all()
    table.validate(full=True)  # another way may have damaged it before
    table = damage_table(table.cast(SCHEMA), rng)
    if rng.random() < 0.5:
        pq.write_table(table, folder / REQUESTS)
    else:
        (folder / REQUESTS).unlink(missing_ok=True)
        with pa.OSFile(str(folder / SHARD), "wb") as file, ipc.new_stream(file, table.schema) as out:
            out.write_table(table.combine_chunks())
    return "table"


def _remove(folder: Path, rng: random.Random) -> str:
    name = rng.choice((INFO, EVENTS, LAB, SCENARIO, REQUESTS))
    (folder / name).unlink(missing_ok=True)
    return f"without {name}"


def main(base: Path, seed: str, count: int) -> None:
    """Damage and read `count` copies of `base`."""
    read(base)  # what is imported late takes its memory before the limit is set
    limit_memory()
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(count):
            rng, folder = random.Random(f"{seed}/{number}"), Path(scratch) / "run"
            shutil.copytree(base, folder)
            try:
                done = damage(folder, rng)
            except (pa.ArrowException, OSError, ValueError) as error:
                done = f"not damaged: {error!r}"
            print(json.dumps({"trying": number, "done": done}), flush=True)
            found = read(folder)
            if found is not None:
                print(json.dumps({"number": number, "done": done, "traceback": found}), flush=True)
            shutil.rmtree(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
