"""Prebuilt request heads: one per phase and, if faults hit only a share of requests, one per set of faults."""

from __future__ import annotations

import random

from locustfiles.http.address import Address
from tripcurve import __version__
from tripcurve.lab import Lab
from tripcurve.scenario import Phase, simulation_of
from tripcurve.scenario.simulation import HEADER
from tripcurve.target import Target

__all__ = ["JSON", "RequestHeads", "request_head"]

JSON = "application/json"


def request_head(
    target: Target,
    address: Address,
    length: int,
    simulation: str | None,
    accept: str = JSON,
    path: str | None = None,
) -> bytes:
    """Return the request line and headers of one request, ending with the blank line.

    `length`: bytes of the body. `simulation`: the value of the simulation header; None: no such header. `path`: path
    and query of the operation; None: chat completions.
    """
    lines = [
        f"POST {target.chat_path if path is None else path} HTTP/1.1",
        f"Host: {address.authority}",
        target.key_line,
        *(f"{name}: {value}" for name, value in target.headers.items()),
        f"Content-Type: {JSON}",
        f"Accept: {accept}",
        f"User-Agent: tripcurve/{__version__}",
        f"Content-Length: {length}",
    ]
    if simulation is not None:
        lines.append(f"{HEADER}: {simulation}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


class RequestHeads:
    """The heads of one phase. A fault with a share below 1 is drawn for each request separately.

    `counter` names the count of requests for faults with `which`, see `simulation_of`.
    """

    def __init__(self, phase: Phase, lab: Lab, rng: random.Random, counter: str = "") -> None:
        self._phase = phase
        self._lab = lab
        self._rng = rng
        self._counter = counter
        self._shares = [(name, fault.share) for name, fault in phase.simulate.items() if fault.share < 1]
        self._texts: dict[frozenset[str], str | None] = {}
        self._built: dict[tuple[int, str, str | None, frozenset[str]], bytes] = {}

    def head(self, target: Target, address: Address, length: int, accept: str = JSON, path: str | None = None) -> bytes:
        """Return the head for a body of `length` bytes, with faults drawn. `path`: see `request_head`."""
        spared = self._draw()
        key = (length, accept, path, spared)
        built = self._built.get(key)
        if built is None:
            built = self._built[key] = request_head(target, address, length, self._text(spared), accept, path)
        return built

    def simulation(self) -> str | None:
        """Return the simulation header's value for one request, with faults drawn, or None for no header."""
        return self._text(self._draw())

    def _draw(self) -> frozenset[str]:
        """Draw the backends whose fault this request does not get."""
        if not self._shares:
            return _NONE
        return frozenset(name for name, share in self._shares if self._rng.random() >= share)

    def _text(self, spared: frozenset[str]) -> str | None:
        if spared not in self._texts:
            faults = {name: fault for name, fault in self._phase.simulate.items() if name not in spared}
            simulation = simulation_of(self._phase.model_copy(update={"simulate": faults}), self._lab, self._counter)
            self._texts[spared] = None if simulation is None else simulation.to_header()
        return self._texts[spared]


_NONE: frozenset[str] = frozenset()
