"""Dense probes against a live gateway that refuses them: the run goes on, and its report says why they ended."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from pydantic import SecretStr

from locustfiles.conduct.dense_probes import QUESTION
from tests.brief import brief_lab
from tests.e2e.live import live_summary
from tripcurve.lab import POLICIES
from tripcurve.shipped import find_file
from tripcurve.target import Target

pytestmark = pytest.mark.slow

SCENARIO = """\
name: limited
users: {ChatUser: 5}
probe: {sharpen: 0.001}
phases:
  - {name: healthy, for: 0.5, rate: 10}
  - {name: fault, for: 0.6, rate: 10, simulate: {default: {status: 429}}}
  - {name: healed, for: 3, rate: 10}
"""
LIMIT = (
    '<choose><when condition=\'@(context.Request.Headers.GetValueOrDefault("Content-Length", "") == "{length}")\'>'
    "<rate-limit-by-key calls='1' renewal-period='60' counter-key='prober' /></when></choose>"
)
"""Refuses all but the first request of a dense probe's length. The traffic's requests are longer."""


def test_a_gateway_that_limits_calls_ends_the_probing_and_not_the_run(tmp_path: Path) -> None:
    target = Target(gateway_url="", api_key=SecretStr(""), deployment="", api_version="2024-02-01")
    body = orjson.dumps(target.chat_body(QUESTION, max_tokens=1))
    policy = find_file("single-backend.xml", POLICIES, ".xml", "policy").read_text("utf-8")
    (tmp_path / "limited.xml").write_text(
        policy.replace("<base />", "<base />" + LIMIT.format(length=len(body)), 1), "utf-8"
    )
    lab = brief_lab()
    api = lab.api.model_copy(update={"policy": str(tmp_path / "limited.xml")})
    summary = live_summary(tmp_path, lab.model_copy(update={"api": api}), SCENARIO)
    reason = "the gateway refused a probe by a limit of its own (429), so no more were sent"
    assert summary["probing"]["reason"] == reason
    assert 0 < summary["probing"]["requests"] < summary["probing"]["budget"]
    assert f"resets are less sharp than asked for: {reason}" in summary["notes"]
    assert summary["requests"]["total"] == summary["pacing"]["sent"]
    [trip] = summary["trips"]
    assert trip["reset_s"] is not None
    for instant in ("tripped_s", "reset_s"):
        assert abs(trip["error_s"][instant]) <= trip[instant]["half_width"]
