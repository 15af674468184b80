"""Frames leave when their time has come, and a broken stream breaks in the middle."""

from __future__ import annotations

import pytest

from provision.local.mock.answers.job import Stream
from provision.local.mock.streaming import BATCH, FLUSH_S, halved, paced
from provision.local.wire.messages import Disconnect
from tests.provision.local.mock.conftest import Clock, pieces


def _stream(count: int) -> Stream:
    return Stream(b"H", count, lambda number: b"%d," % number, b"T")


async def test_frames_are_chunk_s_apart_and_the_first_leaves_with_the_head() -> None:
    clock, seen = Clock(), []
    async for part in paced(_stream(3), 0.5, clock, clock.sleep):
        seen.append((clock.now - 1000.0, part))
    assert seen == [(0.0, b"H0,"), (0.5, b"1,"), (1.0, b"2,"), (1.0, b"T")]


async def test_frames_that_are_late_leave_together() -> None:
    clock = Clock()
    stream = paced(_stream(4), 0.5, clock, clock.sleep)
    assert await anext(stream) == b"H0,"
    clock.now += 1.1
    assert await anext(stream) == b"1,2,"


async def test_without_pace_everything_leaves_at_once_in_bounded_batches() -> None:
    clock = Clock()
    parts = await pieces(paced(_stream(2 * BATCH), 0.0, clock, clock.sleep))
    assert clock.slept == []
    assert len(parts) == 3
    assert b"".join(parts) == b"H" + b"".join(b"%d," % n for n in range(2 * BATCH)) + b"T"


async def test_an_answer_of_no_tokens_has_head_and_tail() -> None:
    clock = Clock()
    assert await pieces(paced(_stream(0), 0.1, clock, clock.sleep)) == [b"HT"]


async def test_a_cut_stream_sends_half_and_disconnects_after_a_flush() -> None:
    clock = Clock()
    stream = paced(_stream(4), 0.0, clock, clock.sleep, cut=True)
    assert await anext(stream) == b"H0,1,"
    with pytest.raises(Disconnect):
        await anext(stream)
    assert clock.slept == [FLUSH_S]


async def test_a_cut_body_sends_half_and_disconnects() -> None:
    clock = Clock()
    body = halved(b"abcdef", clock.sleep)
    assert await anext(body) == b"abc"
    with pytest.raises(Disconnect):
        await anext(body)
