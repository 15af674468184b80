"""Sheds with another status, or through another section of the policy: live runs in which every trip is found."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.brief import brief_lab
from tests.e2e.live import live_summary
from tripcurve.lab import POLICIES, Lab
from tripcurve.shipped import find_file

pytestmark = pytest.mark.slow

SCENARIO = """\
name: sheds
users: {ChatUser: 20}
phases:
  - {name: healthy, for: 0.5, rate: 60}
  - {name: fault, for: 1.5, rate: 60, simulate: {default: {status: 429}}}
  - {name: healed, for: 2, rate: 60}
"""
TO_429 = '<set-status code="429" reason="Too Many Requests" />'
KINDS = {
    "the rule's status": (429, {"rule": 429}),
    "the pool's status": (429, {"pool": 429}),
    "a policy that converts": (429, {"on_error": TO_429}),
    "sheds through outbound": (503, {"section": "outbound"}),
}


def lab_of(
    folder: Path, *, rule: int | None = None, pool: int | None = None, on_error: str = "", section: str = ""
) -> Lab:
    """The quick lab, open for a second, whose sheds differ; with `pool`, two members of equal priority."""
    lab = brief_lab(failure_response=rule)
    policy = find_file(lab.api.policy, POLICIES, ".xml", "policy").read_text("utf-8")
    (folder / "policy.xml").write_text(policy.replace("<on-error>", f"<on-error>{on_error}"), "utf-8")
    [backend] = lab.backends
    backends = (backend, backend.model_copy(update={"name": "openaimock2"})) if pool else (backend,)
    update: dict[str, Any] = {
        "backends": backends,
        "pool": lab.pool.model_copy(update={"failure_response": pool}),
        "api": lab.api.model_copy(update={"policy": "policy.xml"}),
    }
    if section:
        update["local"] = lab.local.model_copy(update={"open_section": section})
    return lab.model_copy(update=update)


def run(folder: Path, kind: str) -> dict[str, Any]:
    """The summary of a live run of a kind, whose run directory is `folder`/run."""
    folder.mkdir()
    return {"folder": folder / "run", **live_summary(folder, lab_of(folder, **KINDS[kind][1]), SCENARIO)}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def summaries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    base = tmp_path_factory.mktemp("sheds")
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(KINDS, pool.map(lambda kind: run(base / kind.replace(" ", "-"), kind), KINDS), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_every_trip_is_found_within_its_half_width(summaries: dict[str, dict[str, Any]], kind: str) -> None:
    summary = summaries[kind]
    assert len(summary["trips"]) >= 1
    assert summary["unobserved_trips"] == []
    assert summary["accuracy"]["outside"] == 0
    assert summary["accuracy"]["n"] >= 2


@pytest.mark.parametrize("kind", KINDS)
def test_the_ratio_is_that_of_the_records(summaries: dict[str, dict[str, Any]], kind: str) -> None:
    summary, status = summaries[kind], KINDS[kind][0]
    rows = pq.read_table(summary["folder"] / "requests.parquet").to_pandas()
    traffic = rows[rows["user"] == "ChatUser"]  # all others are dense probes
    sheds = int(((traffic["origin"] == "gateway") & (traffic["status"] == status)).sum())
    throttles = int(((traffic["origin"] == "backend") & (traffic["status"] == 429)).sum())
    assert min(sheds, throttles) > 0
    assert summary["sheds_by_status"] == {str(status): sheds}
    assert summary["ratio_503_429"] == pytest.approx(sheds / throttles)


@pytest.mark.parametrize("kind", KINDS)
def test_an_open_breaker_is_recognised_while_the_run_is_under_way(summaries: dict[str, Any], kind: str) -> None:
    assert summaries[kind]["probing"]["requests"] > 0
