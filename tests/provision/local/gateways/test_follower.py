"""A program's record becomes events: whole lines only, exact instants, and an end where the program writes none."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.local.gateways.follower import Breaker, Follower
from provision.local.gateways.program import Change, UnknownRecord
from tripcurve.breaker.events import BreakerEvent, read_events

S = 1_000_000_000
M1, M2 = Breaker("m1", "rule", 4.0), Breaker("m2", "rule", 4.0)
BREAKERS = {"m1": M1, "127.0.0.1:8001": M1, "m2": M2}


def read(line: str) -> Change | None:
    """Read `open|close NAME AT_S [UNTIL_S]`, and nothing of a line that begins with #."""
    if line.startswith("#"):
        return None
    try:
        verb, name, at, *until = line.split()
        return Change(verb == "open", name, int(at) * S, 7, *(int(text) * S for text in until))
    except ValueError:
        raise UnknownRecord(line) from None


class Bench:
    def __init__(self, folder: Path) -> None:
        self.now_ns = 0
        self.record, self.events = folder / "record", folder / "events.jsonl"
        self.follower = Follower(self.record, read, BREAKERS, self.events, lambda: self.now_ns)

    def write(self, text: str) -> None:
        with self.record.open("a") as file:
            file.write(text)
        self.follower.catch_up()

    def at(self, seconds: float) -> None:
        self.now_ns = round(seconds * S)
        self.follower.catch_up()

    def seen(self) -> list[tuple[str, str, int]]:
        return [(event.kind, event.backend, event.at_ns // S) for event in self.read()]

    def read(self) -> list[BreakerEvent]:
        return list(read_events(self.events.read_text().splitlines()))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_without_a_change_the_record_is_empty_and_not_absent(bench: Bench) -> None:
    assert bench.events.read_text() == ""
    bench.write("# nothing yet\n")
    assert bench.seen() == []


def test_both_changes_are_events_of_unit_0_with_their_uncertainty(bench: Bench) -> None:
    bench.write("open 127.0.0.1:8001 10\nclose 127.0.0.1:8001 14\n")
    assert bench.seen() == [("opened", "m1", 10), ("closed", "m1", 14)]
    opened, closed = bench.read()
    assert (opened.unit, opened.rule, opened.half_width_ns, opened.trip_duration_s) == (0, "rule", 7, 4.0)
    assert (opened.open_until_ns, closed.open_until_ns) == (14 * S, None)


def test_a_line_is_read_when_it_is_whole(bench: Bench) -> None:
    bench.write("open m1 1")
    assert bench.seen() == []
    bench.write("0\nclose m1 14\n")
    assert bench.seen() == [("opened", "m1", 10), ("closed", "m1", 14)]


def test_a_backend_without_a_rule_has_no_breaker(bench: Bench) -> None:
    bench.write("open m9 10\n")
    assert bench.seen() == []


def test_an_end_that_is_not_recorded_is_written_at_its_instant(bench: Bench) -> None:
    bench.write("open m1 10 15\n")
    bench.at(15 - 1e-9)
    assert bench.seen() == [("opened", "m1", 10)]
    bench.at(15)
    bench.at(99)
    assert bench.seen() == [("opened", "m1", 10), ("closed", "m1", 15)]


def test_a_second_record_does_not_prolong_an_exclusion_however_late_it_is_read(bench: Bench) -> None:
    bench.write("open m1 10 15\nopen m1 11 16\n")
    bench.at(15)
    bench.write("open m1 14 19\n")
    bench.at(99)
    assert bench.seen() == [("opened", "m1", 10), ("closed", "m1", 15)]


def test_an_exclusion_after_the_end_of_the_last_is_a_new_one(bench: Bench) -> None:
    bench.write("open m1 10 15\nopen m2 11 16\nopen m1 15 20\n")
    bench.at(99)
    assert bench.seen() == [
        *(("opened", "m1", 10), ("opened", "m2", 11), ("closed", "m1", 15), ("opened", "m1", 15)),
        *(("closed", "m2", 16), ("closed", "m1", 20)),
    ]


def test_a_record_in_an_unknown_form_leaves_no_half_truth(bench: Bench) -> None:
    bench.write("open m1 10\n")
    bench.write("breaker m1 opened\n")
    assert bench.follower.unknown == "breaker m1 opened"
    assert not bench.events.exists()
    bench.write("close m1 14\n")
    assert not bench.events.exists()


@settings(deadline=None)
@given(
    lines=st.lists(st.tuples(st.sampled_from(["m1", "m2"]), st.integers(1, 40)), max_size=12),
    cuts=st.lists(st.integers(0, 200), max_size=6),
)
def test_however_the_record_grows_the_events_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, int]], cuts: list[int]
) -> None:
    text = "".join(f"open {name} {at} {at + 5}\n" for name, at in sorted(lines, key=lambda line: line[1]))
    whole, pieces = Bench(tmp_path_factory.mktemp("whole")), Bench(tmp_path_factory.mktemp("pieces"))
    whole.write(text)
    ends = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    for begin, end in itertools.pairwise(ends):
        pieces.write(text[begin:end])
    whole.at(99)
    pieces.at(99)
    assert whole.seen() == pieces.seen()
    kinds = [json.loads(line)["eventType"].rpartition(".")[2] for line in whole.events.read_text().splitlines()]
    assert kinds.count("Opened") == kinds.count("Closed")
