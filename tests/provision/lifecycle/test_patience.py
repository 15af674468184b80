"""ARM that is slow, throttles, fails or hangs up: the client bears it, or says clearly what happened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ODataV4Format
from azure.mgmt.apimanagement.models import BackendContract

from provision.lifecycle.apply import apply_lab, plan_lab
from provision.lifecycle.down import down_lab
from provision.lifecycle.patience import Patience, settling_reason
from provision.lifecycle.progress import Silent
from provision.lifecycle.status import status_lab
from provision.resources.clouds import Cloud
from tests.provision.injection import Admin, Heard, Inject, left
from tests.provision.labs import altered, cleaned_up, mock_lab, openai_lab, opened, pool_lab
from tripcurve.errors import BadInput, TargetUnavailable

pytestmark = pytest.mark.control_plane

SERVICE = "/Microsoft.ApiManagement/service/[^/]+$"


@pytest.fixture(autouse=True)
def quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes heartbeats frequent: a slow operation lasts until its test removes the fault, and so needs no real time."""
    monkeypatch.setattr("provision.resources.base.HEARTBEAT_S", 0.02)


@pytest.fixture
def release(admin: Admin) -> Callable[[float], None]:
    """A sleep that ends the slow operations instead of pausing."""

    def sleep(_: float) -> None:
        admin("DELETE")

    return sleep


class Impatient(Silent):
    """Progress that interrupts the command at its first heartbeat, as Ctrl-C would."""

    def lasting(self) -> None:
        raise KeyboardInterrupt


def test_a_slow_creation_is_waited_for_with_a_heartbeat(
    local_cloud: Cloud, tmp_path: Path, inject: Inject, admin: Admin
) -> None:
    class Releasing(Heard):
        def lasting(self) -> None:
            super().lasting()
            if self.beats == 2:
                admin("DELETE")

    lab, heard = mock_lab(), Releasing()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        inject("slow", SERVICE, method="PUT", seconds=600)
        apply_lab(lab, local_cloud, state=state, progress=heard)
        assert heard.beats >= 2
        assert status_lab(lab, local_cloud, state=state).standing == "up"


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_throttling_by_arm_is_waited_out_for_as_long_as_it_asks(
    method: str, local_cloud: Cloud, tmp_path: Path, inject: Inject, admin: Admin
) -> None:
    lab, heard = mock_lab(), Heard()
    slept: list[float] = []
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        inject("error", SERVICE, method=method, status=429, retry_after_s=120, count=5)
        apply_lab(lab, local_cloud, state=state, progress=heard, sleep=slept.append)
        assert not left(admin)
        assert slept == [120.0] * 5
        assert heard.troubles == ["ARM throttles this subscription (429); trying again in 120 s"] * 5
        assert status_lab(lab, local_cloud, state=state).standing == "up"


@pytest.mark.parametrize("ask", [plan_lab, status_lab])
def test_commands_that_only_read_say_that_arm_throttles_them(
    ask: Callable[..., object], local_cloud: Cloud, tmp_path: Path, inject: Inject
) -> None:
    lab, heard = mock_lab(), Heard()
    slept: list[float] = []
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        inject("error", "/resourcegroups/[^/]+$", method="GET", status=429, retry_after_s=120, count=2)
        ask(lab, local_cloud, state=state, progress=heard, sleep=slept.append)
        assert slept == [120.0] * 2
        assert heard.troubles == ["ARM throttles this subscription (429); trying again in 120 s"] * 2


@pytest.mark.parametrize("path", [SERVICE, "/operationStatuses/", "/backends/[^/]+$", "/apis/[^/]+$"])
def test_a_few_dropped_connections_do_not_stop_the_command(
    path: str, local_cloud: Cloud, tmp_path: Path, inject: Inject
) -> None:
    lab = mock_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        inject("drop", path, count=2)
        apply_lab(lab, local_cloud, state=state)
        assert not plan_lab(lab, local_cloud, state=state).has_changes


def test_an_outage_longer_than_the_sdks_own_retries_is_waited_out(
    local_cloud: Cloud, tmp_path: Path, inject: Inject
) -> None:
    lab, heard = mock_lab(), Heard()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        # The SDK gives up after its fourth try of the poll; the look after that is dropped as well.
        inject("slow", SERVICE, method="PUT", seconds=1.0)
        inject("drop", "/operation(Statuses|Results)/", count=4)
        apply_lab(lab, local_cloud, state=state, progress=heard)
        assert heard.troubles == ["connection lost, still trying"]
        assert status_lab(lab, local_cloud, state=state).standing == "up"


def test_a_creation_that_fails_says_why_and_the_next_up_repairs_it(
    local_cloud: Cloud, tmp_path: Path, inject: Inject
) -> None:
    lab, heard = mock_lab(), Heard()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        inject("fail", SERVICE, method="PUT", status=500, code="ActivationFailed", message="The service did not start.")
        with pytest.raises(TargetUnavailable, match=r"ActivationFailed.*The service did not start"):
            apply_lab(lab, local_cloud, state=state, progress=heard)
        assert heard.endings[-1] == "failed"
        assert status_lab(lab, local_cloud, state=state).standing in ("partial", "drifted")
        apply_lab(lab, local_cloud, state=state)
        assert status_lab(lab, local_cloud, state=state).standing == "up"


def test_up_waits_for_a_gateway_that_an_interrupted_up_was_creating(
    local_cloud: Cloud, tmp_path: Path, inject: Inject, release: Callable[[float], None]
) -> None:
    lab = mock_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        inject("slow", SERVICE, method="PUT", seconds=600)
        with pytest.raises(KeyboardInterrupt):
            apply_lab(lab, local_cloud, state=state, progress=Impatient())
        planned = {action.type: action.action for action in plan_lab(lab, local_cloud, state=state).actions}
        assert planned["gateway"] == "wait"
        apply_lab(lab, local_cloud, state=state, sleep=release)
        assert status_lab(lab, local_cloud, state=state).standing == "up"


def test_a_model_that_the_region_lacks_is_reported_as_such(local_cloud: Cloud, tmp_path: Path) -> None:
    lab = openai_lab(model={"deployment": "d", "name": "gpt-99", "version": "1"})
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        with pytest.raises(BadInput, match="change the lab's location or model"):
            apply_lab(lab, local_cloud, state=state)
        assert state.load().created == []


def test_a_cloud_that_is_gone_is_reported_in_seconds(local_cloud: Cloud, connection: dict[str, Any]) -> None:
    from provision.resources.clouds import local

    gone = local({**connection, "management_url": "https://127.0.0.1:9"})
    with pytest.raises(TargetUnavailable, match=r"https://127\.0\.0\.1:9"):
        plan_lab(mock_lab(), gone)


@pytest.mark.parametrize(
    ("role", "wanted"),
    [
        ("Reader", r"permission missing: \S+/write on /subscriptions/\S+; ask for the role `Contributor`"),
        ("Contributor", "roleAssignments/write on .*; ask for the role `Role Based Access Control Administrator`"),
    ],
)
def test_a_missing_role_is_named_with_its_scope(
    role: str, wanted: str, connection: dict[str, Any], local_cloud: Cloud, tmp_path: Path
) -> None:
    from provision.resources.clouds import local

    answer = requests.post(
        f"{connection['admin_url']}/clients",
        json={"role": role},
        auth=(connection["client_id"], connection["client_secret"]),
        verify=connection["ca_file"],
        timeout=10,
    ).json()
    limited = local({**connection, "client_id": answer["client_id"], "client_secret": answer["client_secret"]})
    lab = openai_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state, pytest.raises(TargetUnavailable, match=wanted):
        apply_lab(lab, limited, state=state)


def test_a_wrong_secret_is_reported_as_a_refused_sign_in(connection: dict[str, Any]) -> None:
    from provision.resources.clouds import local

    wrong = local({**connection, "client_secret": "not-the-secret"})
    with pytest.raises(TargetUnavailable) as caught:
        plan_lab(mock_lab(), wrong)
    assert "not-the-secret" not in str(caught.value)
    assert "sign-in" in str(caught.value) or "credential" in str(caught.value)


def test_an_identity_that_the_directory_does_not_know_yet_is_waited_for(
    local_cloud: Cloud, tmp_path: Path, inject: Inject
) -> None:
    lab = openai_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        inject("error", "/roleAssignments/", method="PUT", status=400, code="PrincipalNotFound", count=3)
        apply_lab(lab, local_cloud, state=state)
        assert status_lab(lab, local_cloud, state=state).standing == "up"


CONFLICT = {"status": 409, "code": "PessimisticConcurrencyConflict", "message": "Operation on the API is in progress"}
UNKNOWN = "One or more fields contain incorrect values: Entity with specified identifier not found"


@pytest.mark.parametrize(
    ("path", "refusal", "reason"),
    [
        ("/apis/[^/]+$", CONFLICT, "still applying an earlier change"),
        ("/policies/policy$", CONFLICT, "still applying an earlier change"),
        ("/backends/[^/]+$", CONFLICT, "still applying an earlier change"),
        ("/policies/policy$", {"status": 404, "code": "ResourceNotFound"}, "does not know the imported API yet (404)"),
        ("/policies/policy$", {"status": 400, "code": "ValidationError", "message": UNKNOWN}, "imported API yet (400)"),
    ],
)
def test_a_service_that_is_not_ready_after_an_import_is_waited_for_with_the_reason(
    path: str, refusal: dict[str, Any], reason: str, local_cloud: Cloud, tmp_path: Path, inject: Inject, admin: Admin
) -> None:
    lab, heard = mock_lab(), Heard()
    slept: list[float] = []
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        inject("error", path, method="PUT", count=3, **refusal)
        apply_lab(lab, local_cloud, state=state, progress=heard, sleep=slept.append)
        assert not left(admin)
        assert slept == [local_cloud.poll_s] * 3
        assert [trouble for trouble in heard.troubles if reason in trouble] == heard.troubles
        assert heard.troubles[0].endswith("trying again for up to 5 minutes")
        assert not plan_lab(lab, local_cloud, state=state).has_changes


@pytest.mark.parametrize("path", ["/backends/[^/]+$", SERVICE])
def test_a_deletion_that_an_earlier_change_delays_is_repeated(
    path: str, local_cloud: Cloud, tmp_path: Path, inject: Inject, admin: Admin
) -> None:
    lab, heard = pool_lab(), Heard()
    alone = altered(lab, backends=[lab.backends[0].model_dump(mode="json")])
    slept: list[float] = []
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        inject("error", path, method="DELETE", count=2, **CONFLICT)
        apply_lab(alone, local_cloud, state=state, progress=heard, sleep=slept.append)
        down_lab(alone, local_cloud, purge=True, state=state, progress=heard, sleep=slept.append)
        assert not left(admin)
        assert slept == [local_cloud.poll_s] * 2
        assert "still applying an earlier change" in heard.troubles[0]
        assert status_lab(alone, local_cloud, state=state).standing == "down"


class Refused(HttpResponseError):
    """A refusal of the service, without an answer behind it."""

    def __init__(self, status: int, code: str, message: str = "no") -> None:
        super().__init__(message)
        self.status_code = status
        self.error = ODataV4Format({"code": code, "message": message})


def test_a_service_that_never_becomes_ready_is_given_up_after_the_limit() -> None:
    slept: list[float] = []
    step = Mock()
    step.resource.id = "/subscriptions/s/service/g/apis/openai"
    step.resource.put.side_effect = Refused(409, "PessimisticConcurrencyConflict")
    with pytest.raises(Refused):
        Patience(slept.append, 60.0, 0.0, Silent()).put(step)
    assert (slept, step.resource.put.call_count) == ([60.0] * 5, 6)


@pytest.mark.parametrize(
    ("status", "code", "message", "below", "waits"),
    [
        (409, "PessimisticConcurrencyConflict", "", "", True),
        (409, "Conflict", "", "/apis/openai", False),
        (404, "ResourceNotFound", "", "/apis/openai/policies/policy", True),
        (404, "ResourceNotFound", "", "/apis/openai", False),
        (404, "ResourceNotFound", "", "", False),
        (400, "ValidationError", UNKNOWN, "/apis/openai/policies/policy", True),
        (400, "ValidationError", "wrong fields", "/apis/openai/policies/policy", False),
        (400, "ValidationError", UNKNOWN, "/backends/b", False),
        (412, "PreconditionFailed", "", "/apis/openai", False),
        (404, "ResourceNotFound", "", "/subscriptions/tripcurve-lab", True),
        (400, "PrincipalNotFound", "", "", True),
        (409, "ServiceAlreadyExistsInSoftDeletedState", "", "", True),
        (409, "FlagMustBeSetForRestore", "", "", True),
    ],
)
def test_only_refusals_that_pass_are_waited_for(status: int, code: str, message: str, below: str, waits: bool) -> None:
    found = settling_reason(Refused(status, code, message), f"/subscriptions/s/service/g{below}")
    assert (found is not None) == waits


def test_down_waits_for_a_gateway_that_is_still_being_created(
    local_cloud: Cloud, tmp_path: Path, inject: Inject, release: Callable[[float], None]
) -> None:
    lab = mock_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        inject("slow", SERVICE, method="PUT", seconds=600)
        with pytest.raises(KeyboardInterrupt):
            apply_lab(lab, local_cloud, state=state, progress=Impatient())
        down_lab(lab, local_cloud, purge=True, state=state, sleep=release)
        assert status_lab(lab, local_cloud, state=state).standing == "down"


def test_waiting_for_a_gateway_that_is_never_created_ends(
    local_cloud: Cloud, tmp_path: Path, inject: Inject, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = mock_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        inject("slow", SERVICE, method="PUT", seconds=600)
        with pytest.raises(KeyboardInterrupt):
            apply_lab(lab, local_cloud, state=state, progress=Impatient())
        monkeypatch.setattr("provision.lifecycle.apply.WAIT_LIMIT_S", 0.3)
        with pytest.raises(TargetUnavailable, match="still being created"):
            apply_lab(lab, local_cloud, state=state, sleep=lambda _: None)
        admin("DELETE")


def test_a_missing_right_to_list_soft_deleted_names_is_not_an_error(
    local_cloud: Cloud, tmp_path: Path, inject: Inject
) -> None:
    lab = mock_lab()
    with cleaned_up(lab, local_cloud, tmp_path) as state:
        inject("error", "/deletedservices$", status=403, code="AuthorizationFailed", message="no", count=1)
        apply_lab(lab, local_cloud, state=state)
        assert status_lab(lab, local_cloud, state=state).standing == "up"


def test_a_backend_that_somebody_changes_between_look_and_write_is_not_overwritten(
    local_cloud: Cloud, tmp_path: Path
) -> None:
    lab = mock_lab()
    backend = lab.backends[0].name

    class Meddler(Silent):
        def started(self, doing: str, what: str, note: str | None = None) -> None:
            if (doing, what) == ("change", f"backend {backend}"):
                with opened(lab, local_cloud) as context:
                    body = BackendContract(url="https://elsewhere.example/openai", protocol="http")
                    context.clients.apim.backend.create_or_update(lab.resource_group, lab.gateway.name, backend, body)

    with cleaned_up(lab, local_cloud, tmp_path) as state:
        apply_lab(lab, local_cloud, state=state)
        longer = altered(lab, breaker={"trip_duration": "PT2M"})
        with pytest.raises(TargetUnavailable, match="somebody else changed"):
            apply_lab(longer, local_cloud, state=state, progress=Meddler())
        apply_lab(longer, local_cloud, state=state)
        assert status_lab(longer, local_cloud, state=state).standing == "up"
