"""Which number of breakers explains a course of answers and sheds best: courses small enough to judge by hand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from reports.trips.hypotheses import HOPELESS, Course, Hypotheses

GAP_S = 0.02


def course(outcomes: str, *, count: int = 3, interval_s: float = 100, open_s: float = 100) -> Course:
    """Requests at even gaps: `F` fails 5 ms after it came, `s` is shed, and `a` is answered."""
    at = np.arange(len(outcomes), dtype=np.float64) * GAP_S
    kinds = np.array(list(outcomes))
    sent = at[kinds == "F"]
    return Course(at, kinds == "s", sent + 0.005, sent, np.full(len(sent), open_s), count, interval_s)


def odds(played: Course) -> Iterator[tuple[int, float]]:
    """Each number that is at least one thousandth as likely as the best, and its probability."""
    likely = Hypotheses(8, played).play().log_likelihood
    shares = np.exp(likely - likely.max())
    return ((index + 1, share / shares.sum()) for index, share in enumerate(shares) if share > 1e-3)


@pytest.mark.parametrize(
    ("outcomes", "number"),
    [
        pytest.param("FFF" + "s" * 30, 1, id="three failures, then sheds only"),
        pytest.param("FFFsFsFF" + "s" * 60, 2, id="sheds begin after three, and are all after six"),
        pytest.param("FFFFFsFsFsFsF" + "s" * 90, 3, id="all after nine"),
        pytest.param("FFF" + "sasaassasaassasasas" * 4, 2, id="one of two is open, and the other answers"),
    ],
)
def test_the_number_that_explains_the_outcomes(outcomes: str, number: int) -> None:
    [(best, share), *_] = sorted(odds(course(outcomes)), key=lambda one: -one[1])
    assert best == number
    assert share > 0.7


def test_before_any_shed_every_number_is_as_likely() -> None:
    fit = Hypotheses(8, course("FaFaaa")).play()
    assert np.ptp(fit.log_likelihood) < 1e-9
    assert fit.misfits.sum() == 0


def test_a_breaker_that_resets_and_trips_again_is_still_one() -> None:
    once = "FFF" + "s" * 50
    found = dict(odds(course(once * 6, open_s=50.25 * GAP_S)))
    assert found.keys() == {1}


def test_failures_that_left_the_window_do_not_count() -> None:
    spread = "FF" + "a" * 60 + "FFF" + "s" * 40
    assert dict(odds(course(spread, interval_s=0.5))).keys() == {1}


def test_a_failure_that_came_too_late_to_count_needs_no_further_breaker() -> None:
    """The fourth was admitted before the third tripped the breaker."""
    at = np.array([0.0, 0.02, 0.04, 0.05, *(0.1 + np.arange(60) * GAP_S)])
    sent = at[:4]
    played = Course(at, np.arange(64) >= 4, sent + 0.03, sent, np.full(4, 100.0), 3, 100)
    fit = Hypotheses(8, played).play()
    assert fit.log_likelihood.argmax() == 0
    assert fit.misfits[0] == 0


def test_outcomes_that_no_breaker_under_the_rule_gives_are_counted() -> None:
    """Sheds before the count is reached, and answers while the only breaker is open."""
    assert Hypotheses(1, course("F" + "s" * 10)).play().misfits[0] == pytest.approx(10)
    assert Hypotheses(1, course("FFF" + "a" * 10 + "s")).play().misfits[0] == pytest.approx(10)


def test_a_share_that_no_number_explains_deviates() -> None:
    """A rule that says 8 s, and a breaker that is open for 6 s: two breakers explain it best, but badly."""
    outcomes = ("FFF" + "s" * 300) * 4
    fit = Hypotheses(8, course(outcomes, open_s=8)).play()
    assert fit.deviation[fit.log_likelihood.argmax()] > 8
    fit = Hypotheses(8, course(outcomes, open_s=302.25 * GAP_S)).play()
    assert fit.log_likelihood.argmax() == 0
    assert fit.deviation[0] < 2


def test_the_same_course_gives_the_same_result_and_hopeless_numbers_stay_behind() -> None:
    played = course("FFF" + "s" * 400)
    first, second = (Hypotheses(16, played).play().log_likelihood for _ in range(2))
    assert (first == second).all()
    assert first.max() - first.min() >= HOPELESS - 1e-9
