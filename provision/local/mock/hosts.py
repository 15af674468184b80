"""The services behind the host names: accounts and web apps, with their deployments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from random import Random

from provision.local.arm import models
from provision.local.arm.regions import display_name
from provision.local.mock.errors import deployment_not_found, service_error
from provision.local.mock.latency import LatencyModel
from provision.local.mock.snapshot import Account, Deployment, SettingsFault, Site
from provision.local.mock.stored import StoredResponses
from tripcurve.lab import Latency, Limits
from tripcurve.lab.local_options import LocalOptions
from tripcurve.quota import Quota, Throttle, Utilisation

__all__ = ["AccountHost", "MockHost", "Served", "SiteHost", "Throttles"]

MOST_NAMES = 1000
"""Most deployments that a web app remembers, so that a client with random names cannot fill the memory."""
LONGEST_NAME = 256
RPM_PER_CAPACITY = 6
"""Calls per minute for each thousand tokens per minute of a deployment's capacity [D-QUOTA]."""

# Context windows, in tokens, of the older models: only these are small enough to exceed by accident.
CONTEXTS = {"gpt-35-turbo-0301": 4096, "gpt-35-turbo-0613": 4096, "gpt-4-0613": 8192}


@dataclass(frozen=True, slots=True)
class Served:
    """A deployment that serves requests. `throttle` None: no limit. `context` is in tokens; None: any length."""

    name: str
    model_name: str
    model: str
    """The model's name with its date, as answers have it."""
    throttle: Throttle | None
    kind: models.Kind | None
    """What the model makes; None if it serves every operation."""
    context: int | None
    ptu: bool = False


class Throttles:
    """The quota windows. A new configuration keeps each window whose limit it does not change."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], Throttle] = {}
        self._used: set[tuple[object, ...]] = set()

    def begin(self) -> None:
        """Call before a new configuration is read."""
        self._used = set()

    def end(self) -> None:
        """Drop the windows that were not asked for since `begin`."""
        self._kept = {key: found for key, found in self._kept.items() if key in self._used}

    def quota(self, owner: str, limits: Limits, options: LocalOptions) -> Throttle | None:
        """Return the window for calls and tokens per minute; None if neither is limited."""
        if limits.rpm is None and limits.tpm is None:
            return None
        window_s = 10.0 if options.mock_rpm_window == "10s" else 1.0
        key = (owner, limits.rpm, limits.tpm, window_s, options.mock_tpm_window)
        return self._keep(key, Quota(limits.rpm, limits.tpm, window_s, options.mock_tpm_window))

    def utilisation(self, owner: str, units: int) -> Throttle:
        """Return the utilisation of a deployment with this number of provisioned units."""
        return self._keep((owner, units), Utilisation(units))

    def _keep(self, key: tuple[object, ...], fresh: Throttle) -> Throttle:
        self._used.add(key)
        return self._kept.setdefault(key, fresh)


class MockHost(ABC):
    """One host name. Its random numbers depend on the seed and the name only, not on requests to other hosts."""

    def __init__(self, name: str, location: str, latency: Latency, options: LocalOptions) -> None:
        self.name = name
        self.location = location.replace(" ", "").lower()
        self.region = display_name(location)
        """The region's display name, such as `East US`, for the header x-ms-region."""
        self.latency = LatencyModel(latency)
        self.random = Random(f"{options.seed}/{name}")  # noqa: S311  # makes traffic, not secrets
        self.requests = 0
        self.responses = StoredResponses()

    @abstractmethod
    def served(self, deployment: str) -> Served:
        """Return the deployment of this name. Raises ApiError if there is none."""


class AccountHost(MockHost):
    """An Azure OpenAI account: credentials are checked, deployments must exist."""

    def __init__(self, name: str, account: Account, options: LocalOptions, throttles: Throttles) -> None:
        super().__init__(name, account.location, Latency(), options)
        self.account = account
        self._served = {d.name.lower(): _deployment(account, d, options, throttles) for d in account.deployments}

    def served(self, deployment: str) -> Served:
        """Return the deployment of this name, without regard to case. Raises ApiError 404."""
        found = self._served.get(deployment.lower())
        if found is None:
            raise deployment_not_found()
        return found


class SiteHost(MockHost):
    """A mock web app: no credentials, and one quota for all deployments.

    It serves the lab's deployment, and each model of the catalogue as a deployment of the same name. A web app whose
    settings name no deployment serves any.
    """

    def __init__(self, name: str, site: Site, options: LocalOptions, throttles: Throttles) -> None:
        self._fault: str | None = None
        try:
            limits, latency, own = site.limits(), site.latency(), site.deployment()
        except SettingsFault as error:
            self._fault, limits, latency, own = str(error), Limits(), Latency(), None
        super().__init__(name, site.location, latency, options)
        self._throttle = throttles.quota(f"site {site.name.lower()}", limits, options)
        self._own = own
        self._served: dict[str, Served] = {}

    def served(self, deployment: str) -> Served:
        """Return a deployment. Raises ApiError 404 if it is unknown, and 503 if a setting of the web app is wrong."""
        if self._fault is not None:
            raise service_error(503, "ServiceUnavailable", f"The mock web app cannot start: {self._fault}")
        found = self._served.get(deployment)
        if found is None:
            found = self._make(deployment)
            if len(self._served) < MOST_NAMES and len(deployment) <= LONGEST_NAME:
                self._served[deployment] = found
        return found

    def _make(self, deployment: str) -> Served:
        own = self._own
        if own is None:
            return Served(deployment, deployment, deployment, self._throttle, None, None)
        if own.name.lower() == deployment.lower():
            return Served(own.name, own.model, own.dated, self._throttle, models.kind_of(own.model), None)
        dated = models.newest_id(deployment)
        if dated is None:
            raise deployment_not_found()
        name = deployment.lower()
        return Served(deployment, name, dated, self._throttle, models.kind_of(name), None)


def _deployment(account: Account, deployment: Deployment, options: LocalOptions, throttles: Throttles) -> Served:
    owner = f"account {account.resource_id.lower()}/{deployment.name.lower()}"
    ptu = "provisioned" in deployment.sku.lower()
    if ptu:
        throttle: Throttle | None = throttles.utilisation(owner, deployment.capacity)
    else:
        limits = Limits(rpm=RPM_PER_CAPACITY * deployment.capacity, tpm=1000 * deployment.capacity)
        throttle = throttles.quota(owner, limits, options)
    kind, dated = models.kind_of(deployment.model), deployment.dated
    return Served(deployment.name, deployment.model, dated, throttle, kind, CONTEXTS.get(dated), ptu)
