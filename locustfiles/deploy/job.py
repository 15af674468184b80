"""The job to export: one scenario against one gateway, driven by a number of workers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tripcurve.documents import write_yaml
from tripcurve.errors import BadInput
from tripcurve.gateways import profile_of
from tripcurve.lab import LABS, POLICIES, Lab, load_lab, policy_path
from tripcurve.scenario import Scenario
from tripcurve.scenario.replay import load_replay, trace_path
from tripcurve.shipped import find_file, shipped_folder
from tripcurve.target import check_gateway_url

__all__ = ["Files", "Job", "make_job"]

POLICY = "policy.xml"
TRACE = "trace.parquet"

Files = Mapping[str, str | bytes]
"""The content of files by their name."""


@dataclass(frozen=True)
class Job:
    """One job. `url`: the gateway's. `key`: where its key is kept. `files`: needed beside the job."""

    name: str
    lab: Lab
    scenario: Scenario
    url: str
    key: str
    workers: int
    image: str
    files: Files


def make_job(lab_name: str, scenario_name: str, *, target: str | None, key: str, workers: int, image: str) -> Job:
    """Read lab and scenario and check the options. Raises BadInput.

    `target` None: the address that the lab's gateway gets by its name, if it gets one.
    """
    lab = load_lab(lab_name)
    scenario, trace = _scenario(scenario_name, lab)
    users = sum(count for name, count in scenario.users.items() if name != "ProbeUser")
    if not 1 <= workers <= users:
        raise BadInput(f"--workers {workers}: scenario {scenario.name} has users for 1 to {users} workers")
    url = target or profile_of(lab).url
    if url is None:
        raise BadInput(f"lab {lab.name}: no address follows from the gateway's name; give its URL as --target")
    _check_url(url)
    name = _name(f"tripcurve-{lab.name}-{scenario.name}")
    return Job(name, lab, scenario, url.rstrip("/"), key, workers, image, _files(lab, lab_name, scenario) | trace)


def _scenario(name: str, lab: Lab) -> tuple[Scenario, dict[str, str | bytes]]:
    """Return a scenario and, if it replays a trace, the file with the part of it that its phases send."""
    scenario, trace = load_replay(name, lab)
    if scenario.trace is None or trace is None:
        return scenario, {}
    from tripcurve.scenario.trace_file import read_sent, to_parquet

    sent = read_sent(trace_path(scenario.trace, name))
    content = to_parquet(sent, scenario.duration_s * scenario.trace.speed)
    beside = scenario.trace.model_copy(update={"file": TRACE})
    return scenario.model_copy(update={"trace": beside}), {TRACE: content}


def _check_url(url: str) -> None:
    check_gateway_url(url)
    if urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1"):
        raise BadInput(
            f"--target {url}: for a worker this address is its own machine; give one that every worker can reach"
        )


def _name(text: str) -> str:
    """Return a name that Kubernetes and Azure accept: lower-case letters, digits and hyphens, at most 50."""
    return re.sub("-+", "-", re.sub("[^a-z0-9-]", "-", text.lower()))[:50].strip("-")


def _files(lab: Lab, lab_name: str, scenario: Scenario) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {"scenario.yaml": write_yaml(scenario)}
    policy = policy_path(lab, find_file(lab_name, LABS, ".yaml", "lab"))
    if policy.parent != Path(shipped_folder(POLICIES)):
        files[POLICY] = policy.read_text("utf-8")
        lab = lab.model_copy(update={"api": lab.api.model_copy(update={"policy": POLICY})})
    return {"lab.yaml": write_yaml(lab)} | files
