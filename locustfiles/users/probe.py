"""The probe user: light, steady requests that show the breaker's state when the other traffic is thin."""

from __future__ import annotations

from locustfiles.users.traffic import TrafficUser

__all__ = ["ProbeUser"]


class ProbeUser(TrafficUser):
    """Sends at the scenario's `probe.rate` in every phase. A probe still unsent when the next is due is dropped."""

    def on_start(self) -> None:
        super().on_start()
        self.lane = self.traffic.probe_lane()

    def on_stop(self) -> None:
        """Stop this user's schedule. Locust also stops users during a run, to redistribute them after a worker left."""
        self.lane.close()
        super().on_stop()
