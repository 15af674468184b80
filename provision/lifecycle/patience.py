"""Carrying out one step through a connection that comes and goes.

The SDK itself retries a lost connection for some seconds. Creating a gateway takes tens of minutes, so longer
outages are ridden out here: the operation goes on at the service, and reading the resource shows how far it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from provision.lifecycle.plan import Step
from provision.lifecycle.progress import Progress
from provision.resources.base import Found, Resource
from provision.resources.differences import differences

__all__ = ["Patience"]

Sleep = Callable[[float], None]


@dataclass
class Patience:
    """How long to bear an outage (`limit_s` of it in one piece), looking again every `poll_s`."""

    sleep: Sleep
    poll_s: float
    limit_s: float
    progress: Progress
    _out_s: float = field(default=0.0, init=False)

    def put(self, step: Step) -> None:
        """Create or change the step's resource. Raises the SDK's error when the outage outlasts us."""
        from azure.core.exceptions import ServiceRequestError, ServiceResponseError

        found, self._out_s = step.found, 0.0
        while True:
            try:
                step.resource.put(found)
                return
            except (ServiceRequestError, ServiceResponseError) as error:
                found = self._look_again(step.resource, error)
                if found is not None and not differences(found.fields, step.resource.desired()):
                    return  # the answer was lost, not the work

    def _look_again(self, resource: Resource, error: Exception) -> Found | None:
        """The resource once it can be read again and is not in the making; None when it is not there."""
        from azure.core.exceptions import ServiceRequestError, ServiceResponseError

        self.progress.trouble("connection lost, still trying")
        while self._out_s < self.limit_s:
            self.sleep(self.poll_s)
            self.progress.lasting()
            self._out_s += self.poll_s
            try:
                found = resource.read()
            except (ServiceRequestError, ServiceResponseError):
                continue
            if found is None or not found.in_progress:
                return found
            self._out_s = 0.0  # it answers: that is work, not outage
        raise error
