"""Dense probes against a planted breaker that knows nothing of ours, in virtual time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locustfiles.pacing.sharpening import LATE_NS, Seen, Sharpener, reason_not_to_probe
from tripcurve.lab import Lab, load_lab
from tripcurve.run.info import Probing

MS = 1_000_000
S = 1_000_000_000
LAB = load_lab("quick")  # one backend; open for 4 s
RTT_NS = MS // 2
BACKEND_NS = 20 * MS


class Planted:
    """A gateway that is open for `open_ns` from a trip. Requests take RTT_NS, and BACKEND_NS more if admitted."""

    def __init__(self, tripped_ns: int, open_ns: int) -> None:
        self.tripped_ns, self.reset_ns = tripped_ns, tripped_ns + open_ns
        self.admitted = 0

    def answer(self, start_ns: int, probe: bool) -> Seen:
        arrives = start_ns + RTT_NS // 2
        if self.tripped_ns < arrives < self.reset_ns:
            return Seen(start_ns, start_ns + RTT_NS, 503, True, probe=probe)
        status = 429 if arrives <= self.tripped_ns else 200
        self.admitted += probe
        return Seen(start_ns, start_ns + RTT_NS + BACKEND_NS, status, False, BACKEND_NS // 1000, probe=probe)


def drive(gateway: Planted, sharpener: Sharpener, gap_ns: int, until_ns: int) -> tuple[int, int, int]:
    """Send traffic every `gap_ns`, and probes as asked. Returns last shed, first admission, number of probes."""
    pending: list[tuple[int, Seen]] = []
    traffic_ns, free_ns, asked = 0, 0, 0
    last_shed, first_admitted = 0, until_ns
    now = 0
    while now < until_ns:
        ask = None if any(seen.probe for _, seen in pending) else sharpener.next_ask_ns(max(now, free_ns))
        moments = [traffic_ns, *(at for at, _ in pending), *([ask] if ask is not None else [])]
        now = min(moments)
        for at, seen in [each for each in pending if each[0] <= now]:
            pending.remove((at, seen))
            sharpener.see(seen)
            if seen.status == 503:
                last_shed = max(last_shed, seen.start_ns)
            elif seen.start_ns > gateway.tripped_ns:
                first_admitted = min(first_admitted, seen.start_ns)
        if traffic_ns <= now:
            seen = gateway.answer(traffic_ns, False)
            pending.append((seen.end_ns, seen))
            traffic_ns += gap_ns
        elif ask is not None and ask <= now:
            sharpener.asking(now)
            seen = gateway.answer(now, True)
            pending.append((seen.end_ns, seen))
            asked += 1
    return last_shed, first_admitted, asked


def account(sharpener: Sharpener) -> Probing:
    return sharpener.account()


@given(
    rate=st.floats(5, 300),
    offset_ns=st.integers(0, 200 * MS),
    late_ns=st.integers(0, 90 * MS),
    tripped=st.integers(1, 40),
)
def test_a_reset_is_bracketed_within_two_gaps_by_one_admitted_probe_at_most(
    rate: float, offset_ns: int, late_ns: int, tripped: int
) -> None:
    """Wherever the trip falls between the arrivals, and up to 90 ms after the rule's time, as with a timer."""
    gap_ns = int(1e9 / rate)
    # A trip happens when a failure reaches the gateway: one of the traffic's own.
    tripped_ns = tripped * gap_ns + RTT_NS // 2 + BACKEND_NS
    gateway = Planted(tripped_ns, 4 * S + late_ns)
    sharpener = Sharpener(LAB, 0.001, 200)
    shed_ns, admitted_ns, asked = drive(gateway, sharpener, gap_ns, gateway.reset_ns + S)
    assert shed_ns < gateway.reset_ns <= admitted_ns + RTT_NS
    assert gateway.admitted <= 1
    assert asked <= 200
    spacing = max(MS, 2 * (gap_ns + BACKEND_NS + 11 * MS) // 200) + RTT_NS
    assert admitted_ns - shed_ns <= 2 * spacing


def planted(open_ns: int, lab: Lab = LAB, sharpen_s: float = 0.001, budget: int = 200) -> tuple[Planted, Probing]:
    gateway = Planted(S + RTT_NS // 2 + BACKEND_NS, open_ns)  # by the failure of the request sent at 1 s
    sharpener = Sharpener(lab, sharpen_s, budget)
    drive(gateway, sharpener, 50 * MS, gateway.reset_ns + S)
    return gateway, account(sharpener)


def test_the_cost_is_counted_per_reset() -> None:
    gateway, probing = planted(4 * S)
    [reset] = probing.resets
    assert (reset.outcome, reset.admitted) == ("as expected", "probe")
    assert probing.requests == reset.asked
    assert 2 <= (reset.asked or 0) <= 80
    assert probing.answered == gateway.admitted == 1
    assert probing.reason is None


@pytest.mark.parametrize(
    ("open_ns", "budget", "outcome"),
    [(2 * S, 200, "early"), (4 * S + 5 * LATE_NS, 200, "late"), (4 * S + 5 * LATE_NS, 20, "budget spent")],
)
def test_a_wrong_expectation_is_reported(open_ns: int, budget: int, outcome: str) -> None:
    _, probing = planted(open_ns, budget=budget)
    assert probing.resets[0].outcome == outcome
    assert probing.requests <= budget


def test_a_reset_is_as_likely_at_any_instant_between_two_probes() -> None:
    """Whatever the phase of the trips' causes; else the middle between two probes would be wrong on average."""
    parts = []
    for number in range(60):
        cause_ns = S + number * 1_037_000  # when the gateway has the answer that trips the breaker
        gateway, sharpener = Planted(cause_ns, 4 * S), Sharpener(LAB, 0.001, 200)
        sent_ns = cause_ns - RTT_NS // 2 - BACKEND_NS
        sharpener.see(Seen(sent_ns, sent_ns + RTT_NS + BACKEND_NS, 429, False, BACKEND_NS // 1000))
        sharpener.see(gateway.answer(cause_ns + MS, False))
        last_shed_ns = _until_admitted(sharpener, gateway)
        parts.append((gateway.reset_ns - RTT_NS // 2 - last_shed_ns) / MS)
    assert sum(parts) / len(parts) == pytest.approx(0.45, abs=0.1)
    assert min(parts) < 0.1
    assert max(parts) > 0.8


def _until_admitted(sharpener: Sharpener, gateway: Planted) -> int:
    """Ask as the sharpener says. Returns when the last probe was sent that was shed."""
    at_ns, last_shed_ns = gateway.tripped_ns + 2 * MS, 0
    while (due := sharpener.next_ask_ns(at_ns)) is not None:
        sharpener.asking(due)
        seen = gateway.answer(due, True)
        sharpener.see(seen)
        at_ns, last_shed_ns = seen.end_ns, due if seen.status == 503 else last_shed_ns
    return last_shed_ns


def test_a_wrong_expectation_is_replaced_by_what_was_seen() -> None:
    sharpener = Sharpener(LAB, 0.001, 200)
    for number in range(2):
        gateway = Planted(S, 2 * S)
        shift = number * 20 * S
        _shifted(sharpener, gateway, shift)
    outcomes = [reset.outcome for reset in account(sharpener).resets]
    assert outcomes == ["early", "as expected"]


def _shifted(sharpener: Sharpener, gateway: Planted, shift_ns: int) -> None:
    """As `drive`, with every instant so much later and no probes: traffic alone brackets the reset."""
    for start_ns in range(0, 5 * S, 50 * MS):
        seen = gateway.answer(start_ns, False)
        moved = Seen(seen.start_ns + shift_ns, seen.end_ns + shift_ns, seen.status, seen.from_gateway, seen.backend_us)
        sharpener.see(moved)


def test_without_a_known_rule_the_gaps_grow() -> None:
    lab = load_lab("pool")
    gateway, probing = planted(10 * S, lab)
    assert probing.resets[0].outcome == "not expected"
    assert 20 < probing.requests < 200
    assert gateway.admitted <= 1


@pytest.mark.parametrize("status", [429, 403])
def test_a_gateway_that_limits_the_prober_is_left_alone(status: int) -> None:
    sharpener = Sharpener(LAB, 0.001, 200)
    sharpener.see(Seen(0, 30 * MS, 429, False, 20_000))
    assert sharpener.see(Seen(40 * MS, 41 * MS, 503, True))
    assert sharpener.next_ask_ns(50 * MS) is not None
    sharpener.asking(4 * S)
    sharpener.see(Seen(4 * S, 4 * S + MS, status, True, probe=True))
    assert sharpener.next_ask_ns(4 * S + 2 * MS) is None
    assert f"limit of its own ({status})" in (account(sharpener).reason or "")


def test_a_gap_that_cannot_be_reached_is_reported() -> None:
    _, probing = planted(4 * S, sharpen_s=1e-6)
    assert (probing.resets[0].gap_ms or 0) >= RTT_NS / MS
    assert "ms apart" in (probing.reason or "")


def test_two_probes_far_apart_are_less_sharp_than_asked_for() -> None:
    """A busy client may send no more than two before the reset."""
    sharpener, gateway = Sharpener(LAB, 1e-5, 200), Planted(25 * MS, 4 * S)
    sharpener.see(Seen(0, 30 * MS, 429, False, 20_000))
    sharpener.see(gateway.answer(40 * MS, False))
    for sent_ns in (4 * S + 18 * MS, 4 * S + 26 * MS):
        sharpener.asking(sent_ns)
        sharpener.see(gateway.answer(sent_ns, True))
    assert "8.0 ms apart and not 0.01 ms" in (account(sharpener).reason or "")


def test_the_accepted_retry_after_is_the_expectation() -> None:
    rule = LAB.backends[0].breaker
    assert rule is not None
    changed = rule.model_copy(update={"accept_retry_after": True})
    lab = LAB.model_copy(update={"backends": (LAB.backends[0].model_copy(update={"breaker": changed}),)})
    sharpener = Sharpener(lab, 0.001, 200)
    sharpener.see(Seen(0, 30 * MS, 429, False, 20_000, retry_after_s=7.0))
    sharpener.see(Seen(40 * MS, 41 * MS, 503, True))
    due = sharpener.next_ask_ns(50 * MS)
    assert due is not None
    assert 7 * S + 9 * MS <= due <= 7 * S + 41 * MS


def test_a_shed_with_the_status_that_the_rule_names_opens_a_period() -> None:
    rule = LAB.backends[0].breaker
    assert rule is not None
    changed = rule.model_copy(update={"failure_response": 429})
    lab = LAB.model_copy(update={"backends": (LAB.backends[0].model_copy(update={"breaker": changed}),)})
    sharpener = Sharpener(lab, 0.001, 200)
    sharpener.see(Seen(0, 30 * MS, 429, False, 20_000))
    assert sharpener.see(Seen(40 * MS, 41 * MS, 429, True))


def test_a_late_shed_opens_nothing() -> None:
    sharpener = Sharpener(LAB, 0.001, 200)
    sharpener.admitted(10 * MS)
    assert not sharpener.see(Seen(5 * MS, 20 * MS, 503, True))
    assert not sharpener.open


@pytest.mark.parametrize(
    ("sharpen_s", "budget", "words"), [(None, 200, "turned off"), (0.001, 0, "the budget is 0"), (0.001, 1, None)]
)
def test_a_run_without_dense_probes_says_why(sharpen_s: float | None, budget: int, words: str | None) -> None:
    assert reason_not_to_probe(LAB, sharpen_s, budget) == words


def test_several_units_get_no_dense_probes() -> None:
    lab = LAB.model_copy(update={"gateway": LAB.gateway.model_copy(update={"units": 3})})
    assert "several units" in (reason_not_to_probe(lab, 0.001, 200) or "")
    unknown = LAB.model_copy(update={"gateway": LAB.gateway.model_copy(update={"units": "unknown"})})
    assert "may have several instances" in (reason_not_to_probe(unknown, 0.001, 200) or "")


def several(sharpener: Sharpener, outcomes: str) -> None:
    """Requests 20 ms apart: `F` fails, `s` is shed."""
    for index, outcome in enumerate(outcomes):
        at = S + index * 20 * MS
        shed = outcome == "s"
        sharpener.see(Seen(at, at + RTT_NS, 503 if shed else 429, shed, None if shed else 100))


def test_breakers_that_answer_by_turns_end_the_probing() -> None:
    """The lab says one unit, and the gateway has three instances: failures come through while one of them is open."""
    sharpener = Sharpener(LAB, 0.001, 200)
    several(sharpener, "FFFFFsFsFsF" + "s" * 20)
    assert sharpener.open
    assert sharpener.next_ask_ns(2 * S) is None
    assert "several instances" in (account(sharpener).reason or "")


def test_one_breaker_that_opens_again_by_new_failures_is_probed_on() -> None:
    sharpener = Sharpener(LAB, 0.001, 200)
    several(sharpener, ("FFF" + "s" * 5) * 6)
    assert sharpener.next_ask_ns(2 * S) is not None
