"""`tripcurve export`: what it writes is whole, holds no key, and is accepted by what will read it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from locustfiles.commands.export import export_command
from locustfiles.deploy.azure_load_testing import WHEEL
from tests.locustfiles.forks import Fork, fork_locust
from tests.locustfiles.running import LOCUSTFILE, own_host
from tests.locustfiles.servers import Gateway, serving
from tripcurve.errors import BadInput
from tripcurve.lab import LABS, POLICIES, load_lab
from tripcurve.scenario import load_scenario
from tripcurve.scenario.replay import load_replay
from tripcurve.shipped import shipped_folder

SECRET = "https://my-vault.vault.azure.net/secrets/apim-key"
SHORT = """
name: short
users: {ChatUser: 4}
phases: [{name: all, for: 1, rate: 50}]
"""
# What Azure's reference of the test configuration YAML says of the keys used here.
ALT_SCHEMA = {
    "type": "object",
    "required": ["version", "testId", "testType", "testPlan", "engineInstances"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": "v0.1"},
        "testId": {"type": "string", "pattern": "^[a-z0-9_-]{2,50}$"},
        "displayName": {"type": "string", "minLength": 2, "maxLength": 50},
        "description": {"type": "string", "maxLength": 100},
        "testType": {"const": "Locust"},
        "testPlan": {"type": "string", "pattern": r"\.py$"},
        "engineInstances": {"type": "integer", "minimum": 1, "maximum": 400},
        "configurationFiles": {"type": "array", "items": {"type": "string", "pattern": "^[^/]+$"}},
        "env": {"$ref": "#/$defs/pairs"},
        "secrets": {"$ref": "#/$defs/pairs"},
        "autoStop": {"const": "disable"},
    },
    "$defs": {
        "pairs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "value"],
                "additionalProperties": False,
                "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
            },
        }
    },
}


def documents(folder: Path) -> dict[str, Any]:
    return {path.name: yaml.safe_load(path.read_text()) for path in folder.glob("*.yaml")}


def kubernetes(tmp_path: Path, lab: str = "pool", **how: Any) -> dict[str, Any]:
    assert export_command(lab, "kubernetes", tmp_path / "out", **how) == 0
    return documents(tmp_path / "out")


def pod(document: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = document["spec"]["template"]["spec"]
    return spec


def test_the_kustomization_lists_every_manifest(tmp_path: Path) -> None:
    made = kubernetes(tmp_path)
    assert set(made["kustomization.yaml"]["resources"]) == set(made) - {"kustomization.yaml"}


def test_the_settings_read_back_as_the_lab_and_the_scenario(tmp_path: Path) -> None:
    data = kubernetes(tmp_path, scenario="pool-failover")["settings.yaml"]["data"]
    for name, content in data.items():
        (tmp_path / name).write_text(content)
    lab = load_lab(str(tmp_path / "lab.yaml"))
    assert lab == load_lab("pool")
    assert load_scenario(str(tmp_path / "scenario.yaml"), lab) == load_scenario("pool-failover", load_lab("pool"))


def test_a_users_own_policy_is_exported_with_the_lab(tmp_path: Path) -> None:
    lab_file = tmp_path / "mine.yaml"
    (tmp_path / "mine.xml").write_text((shipped_folder(POLICIES) / "single-backend.xml").read_text())
    lab_file.write_text((shipped_folder(LABS) / "quick.yaml").read_text().replace("single-backend.xml", "mine.xml"))
    data = kubernetes(tmp_path, str(lab_file))["settings.yaml"]["data"]
    away = tmp_path / "elsewhere"
    away.mkdir()
    for name, content in data.items():
        (away / name).write_text(content)
    assert load_lab(str(away / "lab.yaml")).api.policy == str(away / "policy.xml")


def test_the_key_is_a_reference_and_only_the_masters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIPCURVE_API_KEY", "hush-hush")
    made = kubernetes(tmp_path, key="my-secret")
    assert all("hush-hush" not in path.read_text() for path in (tmp_path / "out").iterdir())
    [reference] = [
        each for each in pod(made["master.yaml"])["containers"][0]["env"] if each["name"] == "TRIPCURVE_API_KEY"
    ]
    assert reference["valueFrom"] == {"secretKeyRef": {"name": "my-secret", "key": "api-key"}}
    assert "env" not in pod(made["workers.yaml"])["containers"][0]


def test_workers_find_the_master_and_the_network_lets_only_them_in(tmp_path: Path) -> None:
    made = kubernetes(tmp_path, workers=3)
    service, network = made["service.yaml"], made["network.yaml"]["spec"]
    master, workers = made["master.yaml"], made["workers.yaml"]
    arguments = pod(workers)["containers"][0]["args"]
    assert arguments[arguments.index("--master-host") + 1] == service["metadata"]["name"]
    assert (
        pod(master)["containers"][0]["readinessProbe"]["tcpSocket"]["port"] == service["spec"]["ports"][0]["targetPort"]
    )
    assert service["spec"]["selector"].items() <= master["spec"]["template"]["metadata"]["labels"].items()
    assert (workers["spec"]["parallelism"], workers["spec"]["completions"]) == (3, 3)
    allowed = network["ingress"][0]["from"][0]["podSelector"]["matchLabels"].items()
    assert allowed <= workers["spec"]["template"]["metadata"]["labels"].items()
    assert not allowed <= master["spec"]["template"]["metadata"]["labels"].items()
    assert network["podSelector"]["matchLabels"].items() <= master["spec"]["template"]["metadata"]["labels"].items()


def test_every_mounted_volume_exists(tmp_path: Path) -> None:
    made = kubernetes(tmp_path)
    for part in ("master.yaml", "workers.yaml"):
        volumes = {each["name"] for each in pod(made[part])["volumes"]}
        assert {each["name"] for each in pod(made[part])["containers"][0]["volumeMounts"]} == volumes
    claims = [
        each["persistentVolumeClaim"]["claimName"]
        for each in pod(made["master.yaml"])["volumes"]
        if "persistentVolumeClaim" in each
    ]
    assert claims == [made["volume.yaml"]["metadata"]["name"]]


@pytest.mark.parametrize("lab", ["quick", "seed", "pool"])
def test_kubernetes_own_schemas_accept_the_manifests(tmp_path: Path, lab: str) -> None:
    for name, document in kubernetes(tmp_path, lab).items():
        if name != "kustomization.yaml":
            kubernetes_validate.validate(document, "1.31", strict=True)


def test_kubectl_builds_the_kustomization(tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    made = kubernetes(tmp_path)
    command = ["kubectl", "kustomize", str(tmp_path / "out")]
    built = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    kinds = sorted(document["kind"] for document in yaml.safe_load_all(built))
    assert kinds == sorted(document["kind"] for name, document in made.items() if name != "kustomization.yaml")


@pytest.mark.parametrize("lab", ["quick", "seed", "pool"])
def test_the_azure_configuration_keeps_to_its_reference(tmp_path: Path, lab: str) -> None:
    assert export_command(lab, "azure-load-testing", tmp_path, key=SECRET) == 0
    made = documents(tmp_path)["load-test.yaml"]
    jsonschema.validate(made, ALT_SCHEMA)
    assert made["secrets"] == [{"name": "TRIPCURVE_API_KEY", "value": SECRET}]
    written = {path.name for path in tmp_path.iterdir()} | {WHEEL}
    assert {*made["configurationFiles"], made["testPlan"], "load-test.yaml"} == written
    assert f"./{WHEEL}" in (tmp_path / "requirements.txt").read_text().splitlines()


def test_the_services_limit_leaves_the_scenario_its_time(tmp_path: Path) -> None:
    export_command("seed", "azure-load-testing", tmp_path, key=SECRET)
    env = {each["name"]: each["value"] for each in documents(tmp_path)["load-test.yaml"]["env"]}
    lab = load_lab("seed")
    length_s = sum(phase.duration_s for phase in load_scenario("trip-and-recover", lab).phases)
    assert length_s < int(env["LOCUST_RUN_TIME"]) < length_s + 600


@pytest.mark.parametrize(
    ("kind", "how", "said"),
    [
        ("helm", {}, "kubernetes, azure-load-testing"),
        ("kubernetes", {"target": "my-apim"}, "'my-apim' is not a URL such as"),
        (
            "azure-load-testing",
            {"target": "https://u:secret@gw.example"},
            r"https://\*\*\*@gw.example' contains a user",
        ),
        ("kubernetes", {"target": "u:secret@gw.example"}, r"--target '\*\*\*@gw.example' is not a URL"),
        ("kubernetes", {"target": "http://127.0.0.1:8080"}, "one that every worker can reach"),
        ("kubernetes", {"workers": 1000}, "1 to 20 workers"),
        ("azure-load-testing", {"key": "abc123"}, "the secret's identifier"),
        ("azure-load-testing", {"key": "https://v.vault.azure.net/keys/k"}, "the secret's identifier"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    tmp_path: Path, kind: str, how: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        export_command("quick", kind, tmp_path / "out", **how)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    with pytest.raises(BadInput, match="is not empty"):
        export_command("quick", "kubernetes", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


@pytest.fixture
def gateway() -> Iterator[tuple[Gateway, str]]:
    made = Gateway()
    with serving(made) as port:
        yield made, f"http://127.0.0.1:{port}"


def locust(folder: Path, *words: str) -> Fork:
    log = folder / f"log-{len(list(folder.glob('log-*')))}"
    log.touch()
    return fork_locust(words, folder, {**os.environ, "TRIPCURVE_API_KEY": "k"}, log, log)


def test_the_test_plan_runs_the_scenario_under_plain_locust(tmp_path: Path, gateway: tuple[Gateway, str]) -> None:
    counted, url = gateway
    (tmp_path / "short.yaml").write_text(SHORT)
    out = tmp_path / "out"
    export_command("quick", "azure-load-testing", out, scenario=str(tmp_path / "short.yaml"), key=SECRET)
    plan = out / "locustfile.py"
    plan.write_text(plan.read_text().replace("https://quick-aigw-apim.azure-api.net", url))
    assert locust(tmp_path, "-f", str(plan), "--headless", "--no-report").wait(timeout=60) == 0
    [run] = tmp_path.glob("runs/quick-short-*")
    assert pq.read_table(run / "requests.parquet").num_rows == counted.served == 50
    assert json.loads((run / "run.json").read_text())["target"] == "url"


def test_a_user_class_of_ones_own_runs_from_the_exported_locustfile(
    tmp_path: Path, gateway: tuple[Gateway, str]
) -> None:
    counted, url = gateway
    out = tmp_path / "out"
    export_command("quick", "locust", out, scenario="steady")
    (out / "scenario.yaml").write_text(SHORT.replace("ChatUser", "OwnUser"))
    words = ("-f", str(out / "locustfile.py"), "--headless", "--target", url, "--no-report")
    assert locust(tmp_path, *words).wait(timeout=60) == 0
    [run] = tmp_path.glob("runs/quick-short-*")
    assert pq.read_table(run / "requests.parquet")["user"].to_pylist() == ["OwnUser"] * 50
    assert counted.served == 50


def test_the_manifests_arguments_run_a_master_and_its_workers(tmp_path: Path, gateway: tuple[Gateway, str]) -> None:
    counted, url = gateway
    (tmp_path / "short.yaml").write_text(SHORT)
    made = kubernetes(tmp_path, "quick", scenario=str(tmp_path / "short.yaml"), workers=2)
    for name, content in made["settings.yaml"]["data"].items():
        (tmp_path / name).write_text(content)
    host = own_host()
    here = {
        "https://quick-aigw-apim.azure-api.net": url,
        "/etc/tripcurve": str(tmp_path),
        "/runs/$(RUN)": str(tmp_path / "run"),
        made["service.yaml"]["metadata"]["name"]: host,
        "*": host,
    }
    master, *workers = [
        locust(tmp_path, "-f", str(LOCUSTFILE), *_local(pod(made[part])["containers"][0]["args"], here))
        for part in ("master.yaml", "workers.yaml", "workers.yaml")
    ]
    assert master.wait(timeout=60) == 0, (tmp_path / "log-0").read_text()
    assert [worker.wait(timeout=30) for worker in workers] == [0, 0]
    assert pq.read_table(tmp_path / "run" / "requests.parquet").num_rows == counted.served == 50
    assert (tmp_path / "run" / "report.html").exists()


def _local(arguments: list[str], here: dict[str, str]) -> list[str]:
    words = []
    for word in arguments:
        for elsewhere, local in here.items():
            word = word.replace(elsewhere, local)
        words.append(word)
    return words


SECRET_TEXT = "alice@example.com"
REPLAY = """
name: yesterday
users: {ChatUser: 4}
trace: {file: yesterday.csv, speed: 2, rate: 1.5}
phases: [{name: before, for: 2}, {name: fault, for: 1, simulate: {default: {status: 429}}}]
"""


def write_replay(folder: Path) -> str:
    """A scenario with a trace beside it that lasts longer than its phases, with a column of people; its path."""
    rows = "".join(f"2026-11-28 10:00:{n / 10:06.3f},{SECRET_TEXT},{n},\n" for n in range(1, 590))
    (folder / "yesterday.csv").write_text(f"timestamp,user,prompt_tokens,completion_tokens\n{rows}")
    (folder / "yesterday.yaml").write_text(REPLAY)
    return str(folder / "yesterday.yaml")


def unpack(folder: Path, kind: str) -> Path:
    """Return a folder with the files that the export puts beside the traffic."""
    if kind != "kubernetes":
        return folder
    made = documents(folder)["settings.yaml"]
    for name, content in made["binaryData"].items():
        (folder / name).write_bytes(b64decode(content))
    for name, content in made["data"].items():
        (folder / name).write_text(content)
    return folder


@pytest.mark.parametrize("kind", ["kubernetes", "azure-load-testing", "locust"])
def test_an_exported_trace_sends_the_same_requests(tmp_path: Path, kind: str) -> None:
    scenario, lab = write_replay(tmp_path), load_lab("quick")
    assert export_command("quick", kind, tmp_path / "out", scenario=scenario, key=SECRET) == 0
    out = unpack(tmp_path / "out", kind)
    (before, trace), (after, exported) = (load_replay(path, lab) for path in (scenario, out / "scenario.yaml"))
    assert trace is not None
    assert exported is not None
    sent = int(np.searchsorted(trace.due_ns, 3e9))
    assert 80 < sent < len(exported.due_ns) < sent + 4
    for name in ("due_ns", "prompt", "completion"):
        assert getattr(exported, name)[:sent].tolist() == getattr(trace, name)[:sent].tolist()
    assert after.phases == before.phases
    if kind == "azure-load-testing":
        assert "trace.parquet" in documents(out)["load-test.yaml"]["configurationFiles"]


@pytest.mark.parametrize("kind", ["kubernetes", "azure-load-testing", "locust"])
def test_an_exported_trace_has_times_and_sizes_only(tmp_path: Path, kind: str) -> None:
    export_command("quick", kind, tmp_path / "out", scenario=write_replay(tmp_path), key=SECRET)
    table = pq.read_table(unpack(tmp_path / "out", kind) / "trace.parquet")
    assert table.column_names == ["time", "prompt_tokens", "completion_tokens"]
    assert table["time"].cast("int64").to_pylist()[:2] == [0, 100_000_000], "the date stays here"
    assert not table.schema.metadata
    assert all(SECRET_TEXT.encode() not in path.read_bytes() for path in (tmp_path / "out").iterdir())


def test_kubernetes_accepts_a_config_map_with_a_trace(tmp_path: Path) -> None:
    made = kubernetes(tmp_path, "quick", scenario="replay")
    kubernetes_validate.validate(made["settings.yaml"], "1.31", strict=True)


def test_a_trace_that_does_not_fit_is_one_message_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("locustfiles.deploy.kubernetes.MOST_BYTES", 3000)
    message = r"have \d,\d{3} bytes, and a ConfigMap holds at most 3,000: replay a shorter part of the trace"
    with pytest.raises(BadInput, match=message):
        export_command("quick", "kubernetes", tmp_path / "out", scenario="replay")
    assert not (tmp_path / "out").exists()
