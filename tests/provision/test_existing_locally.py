"""A lab written for what exists on Azure also runs on an empty local cloud."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml

from tripcurve.lab import load_lab


def test_the_embedded_cloud_makes_what_the_lab_finds_on_azure(tmp_path: Path) -> None:
    lab = load_lab("openai").model_dump(mode="json")
    lab["existing"] = {"resource_group": True, "gateway": True, "accounts": [lab["backends"][0]["name"]]}
    path = tmp_path / "lab.yaml"
    path.write_text(yaml.safe_dump(lab), encoding="utf-8")
    words = [sys.executable, "-m", "tripcurve.cli", "local", str(path), "--stop-with-stdin"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as cloud:
        assert cloud.stdout is not None
        assert cloud.stderr is not None
        assert cloud.stdin is not None
        line = cloud.stdout.readline()
        cloud.stdin.close()
        said = cloud.stderr.read().decode()
        assert cloud.wait(timeout=30) == 0, said
    assert json.loads(line)["deployment"] == "gpt-5.1"
