"""Counts of a run: which arrivals were sent, and which were not, and why."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from locustfiles.recording.tally import Tally
from tripcurve.run.info import CallCounts


@given(
    due=st.lists(st.floats(0, 20), max_size=50).map(sorted),
    heard_s=st.floats(0, 20),
    recorded=st.integers(0, 60),
)
def test_every_arrival_of_a_lost_worker_is_sent_untold_or_missed(
    due: list[float], heard_s: float, recorded: int
) -> None:
    tally = Tally()
    missed = tally.add_lost(due, heard_s, 10.0, recorded)
    assert missed == [each for each in due if heard_s <= each < 10.0]
    assert tally.missed == len(missed)
    assert tally.intended == sum(each < 10.0 for each in due)
    assert tally.sent + tally.untold + tally.missed == tally.intended
    assert tally.sent == min(recorded, sum(each < min(heard_s, 10.0) for each in due))


def test_a_tally_travels_whole() -> None:
    tally = Tally(intended=9, sent=5, dropped=4, dropped_probes=1, rows=5)
    tally.lateness.add([1_000_000, 2_000_000])
    tally.outcomes["SdkChatUser settled"] += 2
    tally.calls["fault"] += 2
    tally.attempts["fault"] += 5
    tally.dropped_by_phase["fault"] += 3
    back = Tally.from_message(tally.to_message())
    assert back.to_message() == tally.to_message()


def test_skipped_probes_are_not_undelivered_load() -> None:
    assert Tally(intended=10, dropped=4, dropped_probes=4).undelivered == 0


def test_the_sentence_says_how_many_and_why() -> None:
    text = Tally(intended=1350, sent=700, dropped=50, missed=600).describe_undelivered()
    assert "650 of 1,350 arrivals were never sent" in text
    assert "600 because a worker died or did not hear of its share in time" in text
    assert "50 because every user was busy" in text


def test_calls_and_attempts_of_all_workers_are_added_by_phase() -> None:
    whole = Tally()
    assert whole.call_counts() is None
    for phase in ("fault", "healed"):
        part = Tally()
        part.calls["fault"] += 1
        part.attempts.update({"fault": 1, phase: 2})
        whole.add(Tally.from_message(part.to_message()))
    assert whole.call_counts() == {
        "fault": CallCounts(calls=2, attempts=3),
        "healed": CallCounts(calls=0, attempts=2),
    }
