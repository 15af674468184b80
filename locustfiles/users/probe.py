"""The probe: a light, steady pulse that brackets trips and resets when traffic is thin."""

from __future__ import annotations

from locustfiles.users.traffic import TrafficUser

__all__ = ["ProbeUser"]


class ProbeUser(TrafficUser):
    """Sends at the scenario's `probe.rate`, in every phase. A pulse that finds it busy is dropped, not piled up."""

    def on_start(self) -> None:
        super().on_start()
        self.lane = self.traffic.probe_lane()

    def on_stop(self) -> None:
        """Without its user, as when a worker's end has Locust seat users anew, the pulse is nobody's."""
        self.lane.close()
        super().on_stop()
