"""Sends the dense probes of a run: requests of the smallest size, one after another, while a breaker is open."""

from __future__ import annotations

from time import monotonic_ns
from typing import Protocol

import orjson
from gevent import get_hub, getcurrent
from gevent.event import Event

from locustfiles.conduct.plan import Plan
from locustfiles.http.answer import Answer
from locustfiles.http.client import Client
from locustfiles.pacing.alarm import make_alarm
from locustfiles.pacing.sharpening import Seen, Sharpener
from tripcurve.gateways import profile_of
from tripcurve.run.record import Row

__all__ = ["QUESTION", "USER", "DenseProbes"]

USER = "ProbeUser"
QUESTION = [{"role": "user", "content": "."}]


class Sender(Protocol):
    """The traffic of a process, as far as probes need it."""

    plan: Plan
    in_flight: int

    def client(self) -> Client: ...

    def head(self, length: int) -> bytes: ...

    def record(self, answer: Answer, user: str, intended_ns: int | None, *, probe: bool) -> None: ...


class DenseProbes:
    """Follows the rows of a process's traffic and probes an open breaker when its sharpener says so."""

    def __init__(self, traffic: Sender, sharpener: Sharpener) -> None:
        self.sharpener = sharpener
        self._traffic = traffic
        self._body = orjson.dumps(traffic.plan.target.chat_body(QUESTION, max_tokens=1))
        self._no_shed = profile_of(traffic.plan.lab).no_shed
        self._opened = Event()
        self._stopped = False

    def observe(self, row: Row, offset_ns: int, probe: bool) -> None:
        """Pass a row to the sharpener. `offset_ns`: unix minus monotonic time. `probe`: a dense probe sent it."""
        sharpener = self.sharpener
        if 200 <= row.status < 300 and not sharpener.open:
            sharpener.admitted(row.start_ns - offset_ns)
            return
        if row.status == 0:
            return
        start_ns = row.start_ns - offset_ns
        end_ns = start_ns + row.latency_us * 1000
        gateway, other = row.origin == "gateway", row.error in self._no_shed
        seen = Seen(start_ns, end_ns, row.status, gateway, row.backend_us, row.retry_after_s, probe, other)
        if sharpener.see(seen):
            self._opened.set()

    def stop(self) -> None:
        """Send nothing more."""
        self._stopped = True

    def run(self) -> None:
        """Probe every open period until the greenlet that runs this is killed."""
        client = self._traffic.client()
        alarm = make_alarm(getcurrent().switch)
        try:
            while True:
                self._opened.wait()
                self._opened.clear()
                while (at_ns := self.sharpener.next_ask_ns(monotonic_ns())) is not None and not self._stopped:
                    if at_ns > monotonic_ns():
                        alarm.set(at_ns)
                        get_hub().switch()
                        continue  # an answer may have shown the breaker closed meanwhile
                    self._ask(client)
        finally:
            alarm.close()
            client.close()

    def _ask(self, client: Client) -> None:
        traffic = self._traffic
        self.sharpener.asking(monotonic_ns())
        traffic.in_flight += 1
        try:
            answer = client.exchange(traffic.head(len(self._body)) + self._body)
        finally:
            traffic.in_flight -= 1
        traffic.record(answer, USER, None, probe=True)
