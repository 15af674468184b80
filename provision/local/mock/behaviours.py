"""Find the behaviour that a request's simulation sets for the host that it reached."""

from __future__ import annotations

from provision.local.mock.errors import bad_request
from provision.local.mock.parameters import Body
from tripcurve.scenario.simulation import HEADER, Behaviour, Simulation, SimulationError

__all__ = ["Behaviours"]

MOST_HEADERS = 512
AS_CONFIGURED = Behaviour()
IN_BODY = "messages[0].content.simulation"


class Behaviours:
    """Parses simulations, and each header's text only once: a load test repeats it on every request of a phase."""

    def __init__(self) -> None:
        self._known: dict[str, Simulation] = {}

    def find(self, host: str, header: str | None, body: Body | None) -> Behaviour:
        """Return the behaviour for `host`; the header takes precedence over the simulation in the body.

        None means that there is no such simulation. Raises ApiError 400 for a malformed one.
        """
        if header is not None:
            simulation = self._known.get(header)
            if simulation is None:
                simulation = self._parse(header, HEADER)
                if len(self._known) >= MOST_HEADERS:
                    self._known.clear()
                self._known[header] = simulation
        elif body is not None:
            simulation = self._parse(body, IN_BODY)
        else:
            return AS_CONFIGURED
        found = simulation.behaviour(host)
        return AS_CONFIGURED if found is None else found

    def _parse(self, given: str | Body, where: str) -> Simulation:
        try:
            return Simulation.parse(given)
        except SimulationError as error:
            raise bad_request(f"{where}: {error}", "invalid_simulation", where) from None
