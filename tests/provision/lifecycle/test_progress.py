"""What is told while long work runs."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from provision.lifecycle.progress import ConsoleProgress


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _told(terminal: bool, minutes: int) -> str:
    out, clock = StringIO(), Clock()
    progress = ConsoleProgress(Console(file=out, width=80, force_terminal=terminal, color_system=None), clock)
    progress.started("create", "gateway g", "takes long")
    for _ in range(minutes * 60):
        clock.now += 1
        progress.lasting()
    clock.now += 5.25
    progress.finished("created")
    return out.getvalue()


def test_a_log_gets_a_line_each_minute_and_one_at_the_end() -> None:
    lines = _told(terminal=False, minutes=3).splitlines()
    assert lines == [
        "  … creating gateway g, 60.0 s (takes long)",
        "  … creating gateway g, 2 min 00 s (takes long)",
        "  … creating gateway g, 3 min 00 s (takes long)",
        "  ✓ created   gateway g                                          3 min 05 s",
    ]


def test_a_terminal_keeps_only_the_last_line() -> None:
    told = _told(terminal=True, minutes=1)
    assert "creating gateway g" in told
    assert told.rstrip().endswith("✓ created   gateway g                                             65.2 s")


def test_short_times_are_shown_in_tenths_and_a_failure_with_a_cross() -> None:
    out, clock = StringIO(), Clock()
    progress = ConsoleProgress(Console(file=out, width=80), clock)
    progress.started("create", "backend b")
    clock.now = 0.42
    progress.trouble("connection lost, still trying")
    progress.finished("failed")
    assert out.getvalue().splitlines() == [
        "  ! backend b: connection lost, still trying",
        "  ✗ failed    backend b                                              0.4 s",
    ]


def test_trouble_before_the_first_step_names_no_step() -> None:
    out, clock = StringIO(), Clock()
    progress = ConsoleProgress(Console(file=out, width=80), clock)
    progress.trouble("ARM throttles")
    clock.now = 120.0
    progress.lasting()
    assert out.getvalue() == "  ! ARM throttles\n"
