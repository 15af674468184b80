"""Find the behaviour that a request's simulation sets for the host that it reached."""

from __future__ import annotations

from provision.local.mock.errors import bad_request
from provision.local.mock.parameters import Body
from tripcurve.scenario.simulation import HEADER, Behaviour, Simulation, SimulationError
from tripcurve.scenario.which import parse_which

__all__ = ["Behaviours"]

MOST_HEADERS = 512
MOST_COUNTS = 1024
AS_CONFIGURED = Behaviour()
IN_BODY = "messages[0].content.simulation"


class Behaviours:
    """Parses simulations, and each header's text only once: a load test repeats it on every request of a phase.

    Counts requests for the behaviours that only some requests get, by their number.
    """

    def __init__(self) -> None:
        self._known: dict[str, Simulation] = {}
        self._counts: dict[tuple[str, str, str, str | None], int] = {}
        """The number of requests so far, by host, counter, `which`, and gateway instance (None: of all instances)."""

    def find(self, host: str, header: str | None, body: Body | None, instance: str | None = None) -> Behaviour:
        """Return the behaviour for `host`; the header takes precedence over the simulation in the body.

        None means that there is no such simulation. `instance`: the gateway instance that sent the request; None: not
        known. A behaviour with `which` counts the request, and only requests with these numbers get it. Raises ApiError
        400 for a malformed simulation.
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
        if found is None or not (found.which is None or self._is_one_of(found.which, host, found, instance)):
            return AS_CONFIGURED
        return found

    def _is_one_of(self, which: str, host: str, behaviour: Behaviour, instance: str | None) -> bool:
        """Count a request and return whether its number is one of those that `which` names."""
        key = (host, behaviour.counter, which, instance if behaviour.per == "instance" else None)
        number = self._counts.pop(key, 0) + 1  # the newest counts are last
        if len(self._counts) >= MOST_COUNTS:
            del self._counts[next(iter(self._counts))]
        self._counts[key] = number
        return parse_which(which).includes(number)

    def _parse(self, given: str | Body, where: str) -> Simulation:
        try:
            return Simulation.parse(given)
        except SimulationError as error:
            raise bad_request(f"{where}: {error}", "invalid_simulation", where) from None
