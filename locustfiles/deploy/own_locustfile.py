"""A locustfile to change: Tripcurve's users, load shape and record with a lab and scenario beside it."""

from __future__ import annotations

from locustfiles.deploy.job import Files, Job

__all__ = ["own_locustfile"]

PLAN = '''"""Tripcurve's locustfile with the lab and scenario of this folder, and a user class to change."""

from pathlib import Path

from locust import events

from locustfiles.chat import *  # noqa: F403  # Locust looks for user classes and the shape here
from locustfiles.users.traffic import TrafficUser

HERE = Path(__file__).parent


@events.init_command_line_parser.add_listener
def set_defaults(parser, **_):
    parser.set_defaults(lab=str(HERE / "lab.yaml"), scenario=str(HERE / "scenario.yaml"))


class OwnUser(TrafficUser):
    """Sends one chat completion per turn. It is used when the scenario's `users:` names it."""

    def turn(self, intended_ns):
        self.chat(intended_ns, {"messages": [{"role": "user", "content": "Name a city."}], "max_tokens": 10})
'''


def own_locustfile(job: Job) -> Files:
    """Return the files by name."""
    return {"locustfile.py": PLAN, **job.files}
