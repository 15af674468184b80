"""The times that a request spends in the network, the gateway and the generator."""

from __future__ import annotations

from dataclasses import dataclass

from tripcurve.errors import BadInput

__all__ = ["Network"]


@dataclass(frozen=True)
class Network:
    """Delays around the gateway, in seconds. Each direction takes `one_way_s` plus up to `jitter_s`.

    `gateway_s`: the gateway's own time for a request.
    """

    one_way_s: float = 0.0002
    jitter_s: float = 0.0002
    gateway_s: float = 0.0001
    late_s: float = 0.0003
    """How late the generator may send a request, at most."""

    def __post_init__(self) -> None:
        if self.one_way_s <= 0:
            raise BadInput(
                f"network.one_way_s must be more than 0, not {self.one_way_s:g}: simulated time would not advance"
            )
        if min(self.jitter_s, self.gateway_s, self.late_s) < 0:
            raise BadInput("network: times must be 0 or more")
