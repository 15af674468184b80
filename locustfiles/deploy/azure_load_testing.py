"""An Azure Load Testing configuration: test configuration, test plan, requirements file, lab, scenario and trace.

Azure Load Testing puts a test's files into the folder of the test plan, and passes secrets from Key Vault as
environment variables.
"""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlsplit

import yaml

from locustfiles.deploy.job import Files, Job
from tripcurve import __version__
from tripcurve.errors import BadInput

__all__ = ["WHEEL", "load_test"]

WHEEL = f"tripcurve-{__version__}-py3-none-any.whl"
MARGIN_S = 120
"""Added to the scenario's length, s: the scenario ends the run, and the service's limit stops one that hangs."""

PLAN = '''"""Test plan for Azure Load Testing: Tripcurve's locustfile with the lab, scenario and target given here."""

from pathlib import Path

from locust import events

from locustfiles.chat import *  # noqa: F403  # Locust looks for user classes and the shape here

HERE = Path(__file__).parent


@events.init_command_line_parser.add_listener
def set_defaults(parser, **_):
    parser.set_defaults(lab=str(HERE / "lab.yaml"), scenario=str(HERE / "scenario.yaml"), target={url!r})
'''


def load_test(job: Job) -> Files:
    """Return the files by name. Raises BadInput if the key is not the identifier of a Key Vault secret."""
    _check_key(job.key)
    requirements = f"# Built by: pip wheel --no-deps -w . PATH-TO-TRIPCURVE\n./{WHEEL}\n"
    plan = PLAN.format(url=job.url)
    files: dict[str, str | bytes] = {"locustfile.py": plan, "requirements.txt": requirements, **job.files}
    document = _configuration(job, [name for name in files if name != "locustfile.py"] + [WHEEL])
    return {"load-test.yaml": yaml.safe_dump(document, sort_keys=False, width=120), **files}


def _check_key(key: str) -> None:
    parts = urlsplit(key)
    if parts.scheme != "https" or not parts.hostname or not parts.path.startswith("/secrets/"):
        raise BadInput(
            f"--key {key!r}: Azure Load Testing reads the gateway's key from Key Vault; "
            "give the secret's identifier, such as https://my-vault.vault.azure.net/secrets/gateway-key"
        )


def _configuration(job: Job, files: list[str]) -> dict[str, Any]:
    run_time_s = math.ceil(job.scenario.duration_s) + MARGIN_S
    users = sum(job.scenario.users.values())
    return {
        "version": "v0.1",
        "testId": job.name,
        "displayName": job.name,
        "description": "Each engine drives the whole scenario; see docs/deploy.md",
        "testType": "Locust",
        "testPlan": "locustfile.py",
        "engineInstances": job.workers,
        "configurationFiles": files,
        "env": [
            {"name": "LOCUST_HOST", "value": job.url},
            {"name": "LOCUST_USERS", "value": str(users)},
            {"name": "LOCUST_SPAWN_RATE", "value": str(users)},
            {"name": "LOCUST_RUN_TIME", "value": str(run_time_s)},
        ],
        "secrets": [{"name": "TRIPCURVE_API_KEY", "value": job.key}],
        # 429 and 503 are expected in this test: they must not stop it.
        "autoStop": "disable",
    }
