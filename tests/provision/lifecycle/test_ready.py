"""How long `up` asks a gateway whose model does not answer, and how it reports what does not work."""

from __future__ import annotations

import pytest

from provision.lifecycle import ready
from provision.lifecycle.ready import ROLE_LIMIT_S, wait_for_answer
from tests.provision.injection import Heard
from tests.provision.samples import AZURE, lab
from tripcurve.errors import TargetUnavailable
from tripcurve.target import Target

TARGET = Target(gateway_url="https://gateway.example", api_key="key", deployment="gpt", api_version="2024-02-01")
OPENAI = {"backends": [{"name": "aoai", "kind": "openai"}]}


class Gateway:
    """Answers with one status after the other, the last one for ever. None: there is no server."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *statuses: int | None) -> None:
        self._statuses, self.asked, self.slept = list(statuses), 0, list[float]()
        monkeypatch.setattr(ready, "call_gateway", self._call)

    def _call(self, *_: object) -> tuple[int | None, str]:
        self.asked += 1
        status = self._statuses[0] if len(self._statuses) == 1 else self._statuses.pop(0)
        if status is None:
            raise TargetUnavailable("no server answers at https://gateway.example; is the lab up?")
        return status, "text"

    def wait(self, heard: Heard, **lab_keys: object) -> None:
        wait_for_answer(lab(**lab_keys), TARGET, AZURE, heard, self.slept.append)


def test_an_answer_at_once_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, heard = Gateway(monkeypatch, 200), Heard()
    gateway.wait(heard)
    assert (gateway.asked, gateway.slept, heard.troubles, heard.endings) == (1, [], [], ["ready"])


@pytest.mark.parametrize("status", [None, 404, 429, 500, 502, 503, 504])
def test_a_gateway_that_is_starting_is_asked_again_and_named(
    status: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, heard = Gateway(monkeypatch, status, status, 200), Heard()
    gateway.wait(heard)
    assert gateway.slept == [AZURE.poll_s] * 2
    (said,) = heard.troubles
    assert said.endswith(f"still starting ({status or 'no answer'}); asking again for up to 15 minutes")


def test_each_reason_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, heard = Gateway(monkeypatch, 503, 503, 401, 401, 401, 200), Heard()
    gateway.wait(heard, **OPENAI)
    assert ["503" in said for said in heard.troubles] == [True, False]
    assert "(401), which takes up to 30 minutes; asking again for up to 35 minutes" in heard.troubles[1]


GIVE_UP = [
    pytest.param(401, OPENAI, ROLE_LIMIT_S, "401: text (the key is wrong .*role assignment", id="role"),
    pytest.param(503, {}, AZURE.outage_s, "503: text (the breaker is open", id="starting"),
    pytest.param(None, {}, AZURE.outage_s, "no status: no server answers", id="no server"),
    pytest.param(401, {}, 0.0, "401: text", id="401 without a role"),
    pytest.param(400, {}, 0.0, "400: text", id="refused"),
]


@pytest.mark.parametrize(("status", "keys", "limit_s", "wanted"), GIVE_UP)
def test_what_does_not_work_is_said_after_as_long_as_it_may_take(
    status: int | None, keys: dict[str, object], limit_s: float, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, heard = Gateway(monkeypatch, status), Heard()
    with pytest.raises(TargetUnavailable, match=wanted.replace("(", r"\(")) as raised:
        gateway.wait(heard, **keys)
    assert sum(gateway.slept) == limit_s
    assert heard.endings == ["failed"]
    assert "`tripcurve up quick` asks again" in str(raised.value)
