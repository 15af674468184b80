"""What the wire accepts from a client, and what it answers beyond that."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one listening server. Sizes in bytes, times in seconds.

    Ours, not Azure's: sized so that no honest chat client meets one and a hostile one cannot fill memory.
    """

    target_bytes: int = 16_384
    """Longest request target; over it 414."""
    head_bytes: int = 65_536
    """Request line and headers together; over it 431."""
    head_count: int = 200
    """Number of headers; over it 431."""
    body_bytes: int = 64 * 1024 * 1024
    """Longest request body; over it 413."""
    buffered_bytes: int = 16 * 1024 * 1024
    """Longest body held in memory because a policy asks for all of it; over it 413 (a response: 500)."""
    connections: int = 4096
    """Open connections; one more is answered 503 and closed."""
    pipelined: int = 32
    """Requests read ahead of the answer on one connection; then reading pauses."""
    head_timeout_s: float = 15.0
    """From a request's first byte to the end of its headers; over it 408."""
    body_timeout_s: float = 30.0
    """Between two pieces of a request's body; over it 408."""
    idle_timeout_s: float = 120.0
    """Between two requests; over it the connection is closed without an answer."""
    write_timeout_s: float = 60.0
    """For a client that does not read what it is sent; over it the connection is cut."""
    linger_s: float = 2.0
    """After a refusal, how long unread input is thrown away so that the client can read the answer."""
    stream_bytes: int = 262_144
    """Bytes of a streamed body held before its sender is paused."""
