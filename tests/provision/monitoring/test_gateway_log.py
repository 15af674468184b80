"""The gateway's log from Log Analytics: its rows, large answers in parts, and refusals."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from provision.lifecycle.azure_errors import explained
from provision.monitoring.gateway_log import COLUMNS, read_gateway_log
from provision.resources.clouds import local
from tests.provision.monitoring.conftest import LARGEST_ANSWER, NOON, NOON_NS, Recorded, service_id, write_lines
from tripcurve.errors import TargetUnavailable

SERVICE, OTHER = service_id("g", "mine"), service_id("g", "other")
SECOND = 1_000_000_000


def line(number: int, service: str = SERVICE, kind: str = "ApiManagementGatewayLogs") -> dict[str, Any]:
    second, ms = divmod(number * 10, 1000)
    return {
        "Type": kind,
        "_ResourceId": service,
        "TimeGenerated": f"{NOON[:-2]}{second:02d}.{ms:03d}000+00:00",
        "ResponseCode": 200,
        "TotalTime": number,
        "CallerIpAddress": "203.0.113.9",
    }


def rows_of(tables: list[dict[str, Any]]) -> list[list[Any]]:
    assert all([column["name"] for column in table["columns"]] == list(COLUMNS) for table in tables)
    return [row for table in tables for row in table["rows"]]


def test_the_rows_of_one_gateway_and_time_are_read_with_the_columns_that_count(recorded: Recorded) -> None:
    lines = [line(number) for number in range(300)]
    write_lines(recorded.logs, [*lines, line(150, OTHER), line(160, kind="BackendAttempt")])
    tables = read_gateway_log(recorded.cloud, SERVICE, NOON_NS + SECOND, NOON_NS + 2 * SECOND)
    found = rows_of(tables)
    assert [row[COLUMNS.index("TotalTime")] for row in found] == list(range(100, 200))
    assert "203.0.113.9" not in str(tables)


def test_an_answer_that_is_too_large_is_asked_for_in_parts_without_loss_or_repetition(recorded: Recorded) -> None:
    count = 5 * LARGEST_ANSWER + 7
    write_lines(recorded.logs, [line(number) for number in range(count)])
    found = rows_of(read_gateway_log(recorded.cloud, SERVICE, NOON_NS, NOON_NS + 60 * SECOND))
    assert [row[COLUMNS.index("TotalTime")] for row in found] == list(range(count))


def test_more_rows_in_a_second_than_an_answer_holds_are_reported(recorded: Recorded) -> None:
    write_lines(recorded.logs, [line(0)] * (LARGEST_ANSWER + 1))
    with pytest.raises(TargetUnavailable, match="the run is too dense"):
        read_gateway_log(recorded.cloud, SERVICE, NOON_NS, NOON_NS + SECOND)


def test_no_rows_yet_says_how_they_get_there(recorded: Recorded) -> None:
    with pytest.raises(TargetUnavailable, match=r"within some minutes.*diagnostic setting"):
        read_gateway_log(recorded.cloud, SERVICE, NOON_NS, NOON_NS + SECOND)


def test_a_failed_sign_in_is_explained(recorded: Recorded) -> None:
    stranger = local({**recorded.connection, "client_secret": "wrong"})
    with pytest.raises(TargetUnavailable, match="sign-in"), explained(stranger):
        read_gateway_log(stranger, SERVICE, NOON_NS, NOON_NS + SECOND)


def test_a_missing_role_is_named(recorded: Recorded) -> None:
    url, owner = f"{recorded.connection['admin_url']}/clients", recorded.connection
    made = requests.post(
        url,
        json={"role": None},
        auth=(owner["client_id"], owner["client_secret"]),
        verify=owner["ca_file"],
        timeout=10,
    ).json()
    client = {name: made[name] for name in ("client_id", "client_secret")}
    with pytest.raises(TargetUnavailable, match=r"not allowed \(403\); ask for the role `Log Analytics Reader` there"):
        read_gateway_log(local({**owner, **client}), SERVICE, NOON_NS, NOON_NS + SECOND)
