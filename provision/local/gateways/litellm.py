"""LiteLLM's proxy: its router cools a deployment down, and a callback of ours in its process records each cooldown."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from collections.abc import Mapping
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
from tripcurve.target import V1

__all__ = ["LITELLM", "configuration"]

VARIABLE = "TRIPCURVE_LITELLM"
RECORD = "cooldowns.jsonl"
CALLBACK = "tripcurve_cooldowns"
"""The module that LiteLLM imports from the folder of its configuration."""

Json = dict[str, object]
_OFFLINE = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # otherwise it downloads prices at its start
    "LITELLM_TELEMETRY": "False",
    "LITELLM_MODE": "PRODUCTION",  # otherwise it reads an .env file
    "LITELLM_LOG": "CRITICAL",  # an error has a traceback, which costs more than its answer
}


def _find(lab: Lab) -> Path:
    found = command_path(VARIABLE, "litellm")
    if found is None:
        raise not_installed(lab, VARIABLE)
    return found


def _version(program: Path) -> str | None:
    """Return the version of the package beside the program, because the program takes seconds to say it."""
    folders = [str(folder) for folder in program.resolve().parent.parent.glob("lib/python*/*-packages")]
    return next((found.version for found in importlib.metadata.distributions(name="litellm", path=folders)), None)


def _prepare(setup: Setup, program: Path) -> Launch:
    # JSON is YAML, and the key needs no quoting rules.
    file = setup.folder / "litellm.yaml"
    file.touch(mode=0o600)
    file.write_text(json.dumps(configuration(setup), indent=2), "utf-8")
    shutil.copyfile(Path(__file__).with_name("litellm_callback.py"), setup.folder / f"{CALLBACK}.py")
    record = str(setup.folder / RECORD)
    settings = environment(setup.folder, **_OFFLINE, TRIPCURVE_COOLDOWNS=record)
    command = (str(program), "--config", str(file), "--host", HOST, "--port", str(setup.port), "--telemetry", "False")
    api_path = "" if setup.lab.api.version == V1 else "openai"  # the paths that LiteLLM serves
    return Launch(command, settings, api_path, "/health/liveliness")


def configuration(setup: Setup) -> Json:
    """Return LiteLLM's configuration: the lab's deployment, served by each backend, and the rule for its router."""
    return {
        "model_list": [_deployment(setup, backend) for backend in setup.lab.backends],
        "router_settings": {"routing_strategy": "simple-shuffle", **setup.knobs},
        "litellm_settings": {"callbacks": [f"{CALLBACK}.cooldowns"], "telemetry": False, "request_timeout": 60},
        # The traffic's simulation header has to reach the backend.
        "general_settings": {"master_key": setup.key, "forward_client_headers_to_llm_api": True},
    }


def _deployment(setup: Setup, backend: Backend) -> Json:
    model, version = setup.lab.model.deployment, setup.lab.api.version
    address = f"http://{setup.addresses[backend.name]}"
    api: Json = (
        {"model": f"openai/{model}", "api_base": f"{address}/openai/v1"}
        if version == V1
        else {"model": f"azure/{model}", "api_base": address, "api_version": version}
    )
    parameters: Json = {**api, "api_key": "none", "max_retries": 0}
    if backend.priority is not None:
        parameters["order"] = backend.priority
    if backend.weight is not None:
        parameters["weight"] = backend.weight
    return {"model_name": model, "litellm_params": parameters, "model_info": {"id": backend.name}}


def _read(line: str) -> Change:
    """Return the cooldown that a line of the callback's record states."""
    try:
        entry: Mapping[str, object] = json.loads(line)
        backend, at_ns, until_ns = str(entry["deployment"]), entry["at_ns"], entry["until_ns"]
    except (ValueError, KeyError, TypeError):
        raise UnknownRecord(line) from None
    if type(at_ns) is not int or type(until_ns) is not int:
        raise UnknownRecord(line)
    return Change(True, backend, at_ns, 0, until_ns)


LITELLM = Program(_find, _prepare, _version, _read, RECORD)
