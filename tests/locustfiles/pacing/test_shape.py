"""How many users Locust runs at each moment."""

from __future__ import annotations

from time import monotonic_ns

from locust import User
from locust.dispatch import UsersDispatcher
from locust.runners import WorkerNode

from locustfiles.pacing.shape import ScenarioRun, ScenarioShape
from locustfiles.pacing.timeline import Timeline
from tripcurve.scenario import Scenario

CLASS = type("ChatUser", (User,), {"weight": 1, "fixed_count": 0})
PHASES = [{"name": "open", "for": 1000, "rate": 1}, {"name": "closed", "for": 1000, "users": 2}]
SCENARIO = Scenario.model_validate({"name": "s", "users": {"ChatUser": 40}, "phases": PHASES})


def tick(shape: ScenarioShape, start_ns: int) -> tuple[int, float, list[type[User]]]:
    """The shape's answer in a run that began at a monotonic ns."""
    shape.run = ScenarioRun(SCENARIO, [CLASS], Timeline(SCENARIO, start_ns))
    answer = shape.tick()
    assert answer is not None
    return answer


def test_all_users_that_a_closed_loop_does_not_need_are_stopped_at_once() -> None:
    shape = ScenarioShape()  # type: ignore[no-untyped-call]  # Locust's
    dispatcher, now = UsersDispatcher([WorkerNode("a_1")], [CLASS]), monotonic_ns()
    dispatched = []
    for elapsed_s in (500, 1500):
        dispatcher.new_dispatch(*tick(shape, now - elapsed_s * 10**9))
        dispatched.append([users["a_1"]["ChatUser"] for users in dispatcher])
    assert dispatched == [[40], [2]]
