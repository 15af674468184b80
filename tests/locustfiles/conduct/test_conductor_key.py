"""The gateway's key goes to the target it was given for, and nowhere else."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any, cast

import pytest

from locustfiles.conduct.conductor import Conductor
from tests.locustfiles.running import Running, ended
from tests.locustfiles.servers import Gateway, serving
from tests.redirects import redirecting
from tripcurve.errors import BadInput

USERS = "{ChatUser: 2, StreamingChatUser: 2, SdkChatUser: 2, PatientChatUser: 2, ProbeUser: 1}"
SCENARIO = f"name: all\nusers: {USERS}\nmax_retries: 1\nphases: [{{name: all, for: 1, rate: 40}}]\n"


def conductor(target: str) -> Any:
    """A conductor as a command line with that target makes it."""
    options = Namespace(trace="", lab="quick", scenario="steady", target=target, headless=False)
    environment = Namespace(parsed_options=options, shape_class=Namespace(), user_classes=[])
    return Conductor(cast(Any, environment))


@pytest.mark.parametrize("given", ["local", "https://gateway.example"])
def test_a_target_that_was_not_on_the_command_line_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the web UI's form, or a program that holds the options, names another address."""
    monkeypatch.setenv("TRIPCURVE_API_KEY", "k")
    made, caught = conductor(given), list[bytes]()
    with serving(lambda connection: caught.append(connection.recv(1))) as port:
        made.environment.parsed_options.target = f"http://127.0.0.1:{port}"
        with pytest.raises(BadInput, match="the key was given for"):
            made.set_up()
    assert caught == []


def test_no_user_follows_a_redirect(tmp_path: Path) -> None:
    with redirecting() as (port, caught):
        running = Running(tmp_path, port, Gateway())
        _, _, err = ended(running.drive(SCENARIO))
        running.close()
    rows = running.rows()
    assert caught == []
    assert set(rows["user"]) == {"ChatUser", "StreamingChatUser", "SdkChatUser", "PatientChatUser", "ProbeUser"}, err
    assert set(rows["status"]) <= {301, 302, 307, 308}
