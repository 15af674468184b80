"""API Management's profile: which statuses a lab states for the answers of an open breaker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tripcurve.documents import read_document, write_yaml
from tripcurve.gateways.apim import stated_shed_statuses
from tripcurve.lab import Lab, load_lab

TO_429 = """<policies><inbound><base /></inbound><backend><base /></backend><outbound><base /></outbound>
<on-error><set-status code="429" reason="Too Many Requests" /></on-error></policies>"""


def changed(name: str, rule: int | None = None, pool: int | None = None, policy: str | None = None) -> Lab:
    """A built-in lab whose rules, pool or policy set another status."""
    lab = load_lab(name)
    backends = tuple(
        one.model_copy(update={"breaker": one.breaker and one.breaker.model_copy(update={"failure_response": rule})})
        for one in lab.backends
    )
    api = lab.api if policy is None else lab.api.model_copy(update={"policy": policy})
    update = {"backends": backends, "pool": lab.pool.model_copy(update={"failure_response": pool}), "api": api}
    return lab.model_copy(update=update)


@pytest.mark.parametrize(
    ("lab", "rule", "pool", "statuses"),
    [
        ("quick", None, None, {503}),
        ("quick", 429, None, {429, 503}),
        ("quick", None, 429, {503}),  # there is no pool
        ("pool", None, 429, {429, 503}),
        ("pool", 418, 429, {418, 429, 503}),
    ],
)
def test_rules_and_the_pool_state_statuses(lab: str, rule: int | None, pool: int | None, statuses: set[int]) -> None:
    assert stated_shed_statuses(changed(lab, rule, pool)) == statuses


def test_a_policy_states_one(tmp_path: Path) -> None:
    (tmp_path / "to-429.xml").write_text(TO_429, "utf-8")
    assert stated_shed_statuses(changed("quick", policy=str(tmp_path / "to-429.xml"))) == {429, 503}


def test_a_policy_beside_the_lab_states_one_wherever_the_lab_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is recorded and reported in other folders than the lab's, from the lab as it was loaded."""
    (tmp_path / "to-429.xml").write_text(TO_429, "utf-8")
    (tmp_path / "lab.yaml").write_text(write_yaml(changed("quick", policy="to-429.xml")), "utf-8")
    loaded = load_lab(tmp_path / "lab.yaml")
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")
    Path("lab.yaml").write_text(write_yaml(loaded), "utf-8")
    assert stated_shed_statuses(read_document(Path("lab.yaml"), Lab, "lab")) == {429, 503}


def test_a_policy_that_is_gone_states_none(tmp_path: Path) -> None:
    assert stated_shed_statuses(changed("quick", policy=str(tmp_path / "gone.xml"))) == {503}
