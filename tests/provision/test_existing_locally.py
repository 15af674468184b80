"""A lab written for what exists on Azure also runs on an empty local cloud."""

from __future__ import annotations

from pathlib import Path

import yaml

from provision.local.command import _provisioner
from tests.provision.local.running import ANSWERING, running_cloud
from tripcurve.lab import load_lab


def test_the_embedded_cloud_makes_what_the_lab_finds_on_azure(tmp_path: Path) -> None:
    lab = load_lab("openai").model_dump(mode="json")
    lab["existing"] = {"resource_group": True, "gateway": True, "accounts": [lab["backends"][0]["name"]]}
    path = tmp_path / "lab.yaml"
    path.write_text(yaml.safe_dump(lab), encoding="utf-8")
    with running_cloud(tmp_path / "cloud", unit=ANSWERING) as cloud:
        target = _provisioner(load_lab(path), path)(cloud.connection)
    assert target.deployment == "gpt-5.1"
