"""Carry out one step even if the connection is lost for a while or the service is not ready for it yet.

The SDK itself retries a lost connection for some seconds. Creating a gateway takes tens of minutes, so `Patience`
waits longer: the operation goes on at the service, and reading the resource shows how far it is. For some minutes
after an API import, a new identity or a purge the service also refuses changes that it accepts later [APIOPS-141]
[TF-23322].
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provision.lifecycle.azure_errors import SOFT_DELETED_CODES
from provision.lifecycle.plan import Step
from provision.lifecycle.progress import Progress
from provision.resources.base import Found, Resource
from provision.resources.differences import differences

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError

__all__ = ["SETTLING_LIMIT_S", "Patience", "pausing", "settling_reason"]

Sleep = Callable[[float], None]

SETTLING_LIMIT_S = 300.0
"""How long one step is repeated while the service is not ready for it: an import takes about a minute to settle."""

UNKNOWN_ENTITY = "entity with specified identifier not found"
PASSING = {
    "PessimisticConcurrencyConflict": "the gateway is still applying an earlier change",
    "PrincipalNotFound": "the directory does not know the gateway's new identity yet",
    **dict.fromkeys(SOFT_DELETED_CODES, "the name is not free yet: its deleted owner is still being purged"),
}
"""Error codes of refusals that pass, each with the reason."""


@dataclass
class Patience:
    """How often and how long to try again.

    `poll_s` is the pause between two tries, in seconds. `limit_s` is the longest uninterrupted outage, in seconds;
    a service that is not ready may refuse one step for SETTLING_LIMIT_S.
    """

    sleep: Sleep
    poll_s: float
    limit_s: float
    progress: Progress
    _out_s: float = field(default=0.0, init=False)
    _unready_s: float = field(default=0.0, init=False)

    def put(self, step: Step) -> None:
        """Create or change the step's resource. Raises the SDK's error when a limit is reached."""
        from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError

        found, self._out_s, self._unready_s = step.found, 0.0, 0.0
        while True:
            try:
                step.resource.put(found)
                return
            except (ServiceRequestError, ServiceResponseError) as error:
                found = self._look_again(step.resource, error)
                if found is not None and not differences(found.fields, step.resource.desired()):
                    return  # only the answer was lost: the service did the work
            except HttpResponseError as error:
                self._wait_until_ready(error, step.resource)

    def delete(self, resource: Resource) -> None:
        """Delete the resource. Raises the SDK's error when the limit is reached."""
        from azure.core.exceptions import HttpResponseError

        self._unready_s = 0.0
        while True:
            try:
                resource.delete()
                return
            except HttpResponseError as error:
                self._wait_until_ready(error, resource)

    def _wait_until_ready(self, error: HttpResponseError, resource: Resource) -> None:
        """Pause before the next try. Raises the error if waiting does not help, or did not help for too long."""
        reason = settling_reason(error, resource.id)
        if reason is None or self._unready_s >= SETTLING_LIMIT_S:
            raise error
        if self._unready_s == 0:
            self.progress.trouble(f"{reason}; trying again for up to {SETTLING_LIMIT_S / 60:.0f} minutes")
        self.sleep(self.poll_s)
        self.progress.lasting()
        self._unready_s += self.poll_s

    def _look_again(self, resource: Resource, error: Exception) -> Found | None:
        """Return the resource once it can be read and is not being created any more; None if it does not exist."""
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
            self._out_s = 0.0  # the service answers, so the outage is over
        raise error


def pausing(progress: Progress, sleep: Sleep) -> Callable[[float, str], None]:
    """Return a function that waits some seconds and tells the progress why."""

    def pause(seconds: float, reason: str) -> None:
        progress.trouble(f"{reason}; trying again in {seconds:g} s")
        sleep(seconds)
        progress.lasting()

    return pause


def settling_reason(error: HttpResponseError, identifier: str) -> str | None:
    """Return why the service refuses a change that it will accept later; None if it will not.

    `identifier` is the ARM id of the resource that was to be created or changed.
    """
    code = None if error.error is None else error.error.code
    if code in PASSING:
        return f"{PASSING[code]} ({error.status_code} {code})"
    needs_import = re.search(r"/service/[^/]+/(apis/[^/]+|subscriptions)/", identifier, re.IGNORECASE) is not None
    unknown = error.status_code == 404 or (error.status_code == 400 and UNKNOWN_ENTITY in str(error).lower())
    if needs_import and unknown:
        return f"the gateway does not know the imported API yet ({error.status_code})"
    return None
