"""Responses that continue one another through a pool of two accounts, with session affinity and without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from openai import BadRequestError, OpenAI

from provision.lifecycle.apply import provision_lab
from provision.resources.clouds import local
from tests.e2e.commands import running_lab
from tripcurve.lab import load_lab

CONVERSATIONS = 20


def lab_file(folder: Path, **pool: str) -> Path:
    """A lab of two accounts, with these settings of its pool."""
    backends = [{"name": f"two-accounts-{number}", "kind": "openai", "priority": 1, "weight": 1} for number in (1, 2)]
    content: dict[str, Any] = {
        "name": "two-accounts",
        "gateway": {"name": "two-accounts-apim"},
        "api": {"version": "v1"},
        "model": {"capacity": 4_000},
        "backends": backends,
        "pool": pool,
        "local": {"pool_weighting": "random"},
    }
    path = folder / "lab.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def continued(line: dict[str, str]) -> int:
    """How many of the conversations found their first response again. Each has a client, so cookies, of its own."""
    found, refusals = 0, set()
    for _ in range(CONVERSATIONS):
        with OpenAI(base_url=f"{line['gateway_url']}/openai/v1", api_key=line["api_key"]) as client:
            first = client.responses.create(model=line["deployment"], input="Hello")
            try:
                client.responses.create(model=line["deployment"], input="And?", previous_response_id=first.id)
                found += 1
            except BadRequestError as error:
                refusals.add(error.code)
    assert refusals <= {"previous_response_not_found"}
    return found


def test_a_response_is_continued_through_two_accounts_only_with_session_affinity(tmp_path: Path) -> None:
    with running_lab(lab_file(tmp_path)) as line:
        assert 4 <= continued(line) <= 16
        provision_lab(load_lab(lab_file(tmp_path, session_affinity="SessionId")), local(line))
        assert continued(line) == CONVERSATIONS
