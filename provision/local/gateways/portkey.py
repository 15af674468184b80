"""Portkey's open gateway: headers of each request name the provider, and it records nothing of its breaker."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from provision.local.gateways.program import Launch, Program, Setup, environment, not_installed
from tripcurve.errors import TargetUnavailable
from tripcurve.lab import Backend, Lab
from tripcurve.target import V1

__all__ = ["PORTKEY", "config_header"]

VARIABLE = "TRIPCURVE_PORTKEY"
LOOPBACK = Path(__file__).with_name("loopback.js")
START = Path("build") / "start-server.js"
PACKAGE = Path("node_modules") / "@portkey-ai" / "gateway"


def _find(lab: Lab) -> Path:
    """Return the script that starts the gateway: of the folder that TRIPCURVE_PORTKEY names, else of node_modules."""
    folders = [Path(named)] if (named := os.environ.get(VARIABLE)) else [Path.cwd() / PACKAGE]
    starts = [start for folder in folders for start in (folder / START, folder / PACKAGE / START) if start.is_file()]
    if not starts:
        raise not_installed(lab, VARIABLE)
    _node()
    return starts[0].resolve()


def _version(program: Path) -> str | None:
    """Return the version in the package's own package.json."""
    try:
        version = json.loads((program.parent.parent / "package.json").read_text("utf-8"))["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, str) else None


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        raise TargetUnavailable("gateway.kind portkey: its program needs node, which is not on the PATH; install it")
    return node


def _prepare(setup: Setup, program: Path) -> Launch:
    command = (_node(), "--require", str(LOOPBACK), str(program), f"--port={setup.port}", "--headless")
    settings = environment(setup.folder, NODE_ENV="production")
    headers = {"x-portkey-config": config_header(setup)}
    return Launch(command, settings, "", "/", V1, headers)


def config_header(setup: Setup) -> str:
    """Return the configuration that each request carries: the backends as targets, by priority or by weight."""
    backends = sorted(setup.lab.backends, key=lambda backend: backend.priority or 0)
    targets = [_target(setup, backend) for backend in backends]
    if len(targets) == 1:
        return json.dumps(targets[0], separators=(",", ":"))
    ranked = len({backend.priority for backend in backends}) > 1
    strategy = {"mode": "fallback" if ranked else "loadbalance"}
    return json.dumps({"strategy": strategy, "targets": targets}, separators=(",", ":"))


def _target(setup: Setup, backend: Backend) -> dict[str, object]:
    target: dict[str, object] = {
        "provider": "openai",
        "custom_host": f"http://{setup.addresses[backend.name]}/openai/v1",
        "api_key": "none",
        "forward_headers": ["x-simulation"],
    }
    return target if backend.weight is None else {**target, "weight": backend.weight}


PORTKEY = Program(_find, _prepare, _version)
