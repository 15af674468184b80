"""Envoy with one worker as a plain reverse proxy.

python -m tests.benchmarks.peers.envoy BACKEND_PORT ENVOY      prints {"port": n}; ends with standard input
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_START_S = 20.0
_TYPES = "type.googleapis.com/envoy.extensions.filters"


def config(port: int, backend: int) -> dict[str, Any]:
    """Static: one listener, one route, one cluster."""
    manager = {
        "@type": f"{_TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "backend"}}],
                }
            ]
        },
        "http_filters": [
            {
                "name": "router",
                "typed_config": {"@type": f"{_TYPES}.http.router.v3.Router"},
            }
        ],
    }
    endpoint = {"endpoint": {"address": _address(backend)}}
    cluster = {
        "name": "backend",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "backend", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    filters = [{"name": "http", "typed_config": manager}]
    listener = {"name": "in", "address": _address(port), "filter_chains": [{"filters": filters}]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("Envoy did not start")


def main(backend: int, envoy: str) -> None:
    """Run until standard input ends."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "envoy.json"
        path.write_text(json.dumps(config(port, backend)))
        command = [envoy, "-c", str(path), "--concurrency", "1", "-l", "error", "--disable-hot-restart"]
        process = subprocess.Popen(command)
        try:
            _wait(port, process)
            print(json.dumps({"port": port}), flush=True)
            sys.stdin.read()
        finally:
            process.terminate()
            process.wait(10)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
