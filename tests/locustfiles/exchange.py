"""Sends requests with the product's client, in a process of its own that gevent has patched, as under Locust.

Reads a JSON list of `{"url", "ca_file", "timeout_s", "times", "streamed"}` on stdin; writes a JSON list of
lists of answers. `python -m tests.locustfiles.exchange`.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402  # gevent wants to come first
import sys  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402

from locustfiles.http.address import Address  # noqa: E402
from locustfiles.http.client import Client, Deadlines  # noqa: E402
from locustfiles.http.sse import CompletionStream  # noqa: E402


def main() -> None:
    """Do all that stdin asks for, side by side."""
    deadlines = Deadlines()
    gevent.spawn(deadlines.run)
    jobs = [gevent.spawn(exchange, job, deadlines) for job in json.load(sys.stdin)]
    gevent.joinall(jobs, raise_error=True)
    json.dump([job.value for job in jobs], sys.stdout)


def exchange(job: dict[str, Any], deadlines: Deadlines) -> list[dict[str, Any]]:
    """The answers to one job's requests, one after another over one client."""
    address = Address.of_url(job["url"], job.get("ca_file"))
    client = Client(address, job.get("timeout_s", 5.0), deadlines)
    body = b"x" * job.get("body_bytes", 2)
    request = b"POST /chat HTTP/1.1\r\nHost: %b\r\nContent-Length: %d\r\n\r\n%b"
    data = request % (address.authority.encode(), len(body), body)
    return [_one(client, data, bool(job.get("streamed"))) for _ in range(job.get("times", 1))]


def _one(client: Client, data: bytes, streamed: bool) -> dict[str, Any]:
    stream = CompletionStream()
    answer = client.exchange(data, stream.feed if streamed else None)
    return {
        "status": answer.status,
        "error": stream.verdict(answer.error) if streamed else answer.error,
        "body": answer.body.decode("latin-1"),
        "latency_s": answer.latency_ns / 1e9,
        "tokens": len(stream.gaps_ns) + (stream.first_token_ns is not None),
    }


if __name__ == "__main__":
    main()
