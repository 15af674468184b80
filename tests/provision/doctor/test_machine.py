"""Open files, Locust's version and the policy, each in each state."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import yaml

from provision.doctor.machine import ENOUGH_FILES, FEWEST_FILES, locust_version, open_files, policy
from tests.provision.samples import lab


@pytest.mark.parametrize(
    ("limit", "level"),
    [
        (ENOUGH_FILES, "ok"),
        (ENOUGH_FILES - 1, "warning"),
        (FEWEST_FILES, "warning"),
        (FEWEST_FILES - 1, "error"),
        (0, "error"),
    ],
)
def test_few_open_files_are_reported(limit: int, level: str) -> None:
    (found,) = open_files(lambda: limit)
    assert found.level == level
    assert f"{limit:,}" in found.detail
    assert (found.remedy is None) == (level == "ok")


def test_this_machines_limit_is_read() -> None:
    (found,) = open_files()
    assert found.check == "open files"


def _absent() -> str:
    raise PackageNotFoundError("locust")


def test_locust_has_to_be_there_and_new_enough() -> None:
    assert locust_version()[0].level == "ok"
    assert locust_version(lambda: "999.0.0")[0].level == "ok"
    (old,) = locust_version(lambda: "1.6.0")
    assert (old.level, old.detail) == ("error", old.detail)
    assert "1.6.0 is older than 2." in old.detail
    (absent,) = locust_version(_absent)
    assert (absent.level, absent.detail, absent.exit_code) == ("error", "not installed", 3)


@pytest.mark.parametrize(
    ("policy_xml", "levels", "said"),
    [
        ("<policies><inbound><base /></inbound></policies>", ["ok"], "compiles"),
        ("<policies><inbound><set-hedaer /></inbound></policies>", ["error"], "set-hedaer"),
    ],
)
def test_a_policy_that_the_service_would_refuse_is_an_error(
    policy_xml: str, levels: list[str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "policy.xml").write_text(policy_xml, encoding="utf-8")
    path = tmp_path / "lab.yaml"
    content = lab(api={"policy": "policy.xml"}).model_dump(mode="json")
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    found = policy(path)
    assert [finding.level for finding in found] == levels
    assert said in found[0].detail
    assert {finding.exit_code for finding in found} == {2 if "error" in levels else 0}
