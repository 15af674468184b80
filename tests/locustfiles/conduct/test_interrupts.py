"""Interrupts that are held back."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from locustfiles.conduct.interrupts import held_back


def test_an_interrupt_waits_for_the_end_of_the_block_even_if_another_thread_gets_it() -> None:
    done, reached = threading.Event(), threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            _interrupted(reached)
    finally:
        done.set()
        other.join()
    assert reached.is_set()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def _interrupted(reached: threading.Event) -> None:
    with held_back():
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(10_000):
            pass  # where the interpreter would handle it
        reached.set()
