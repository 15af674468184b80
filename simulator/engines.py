"""Computes independent jobs of a simulation on the cores of this machine, or on the workers of a Dask cluster.

Both return results in the order of the jobs, so what is merged from them does not depend on who computed what.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from types import ModuleType
from typing import Any, Protocol, TypeVar

from tripcurve import __version__
from tripcurve.errors import BadInput, TargetLost

__all__ = ["ENGINES", "Dask", "Engine", "Local", "engine_of"]

ENGINES = ("local", "dask")
CONNECT_S = 5.0
"""How long a scheduler may take to answer, and how long its first worker may take to connect."""

Job = TypeVar("Job")
Result = TypeVar("Result")


class Engine(Protocol):
    """Calls a function with each job. Function, jobs and results must be picklable."""

    def map(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> list[Result]:
        """Return the results in the order of the jobs."""
        ...


@dataclass(frozen=True)
class Local:
    """Processes of this machine. `processes`: their number; None: one per core."""

    processes: int | None = None

    def map(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> list[Result]:
        workers = min(self.processes or os.cpu_count() or 1, len(jobs))
        if workers <= 1:
            return [function(job) for job in jobs]
        # "spawn", because a fork of a process with threads may hang.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            return list(pool.map(function, jobs))


@dataclass(frozen=True)
class Dask:
    """The workers of a Dask cluster. `scheduler`: its address, such as tcp://host:8786.

    Dask gives the jobs of a worker that dies to another one.
    """

    scheduler: str

    def map(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> list[Result]:
        """Raises BadInput if the address has no usable cluster, TargetLost if the cluster is lost meanwhile."""
        distributed = _distributed()
        with self._connected(distributed) as client:
            try:
                return list(client.gather(client.map(function, jobs, pure=False)))
            except distributed.KilledWorker as error:
                raise TargetLost(
                    f"--scheduler {self.scheduler}: the workers died while they computed: {error}"
                ) from None
            except (CancelledError, OSError) as error:
                raise TargetLost(f"--scheduler {self.scheduler}: the connection was lost: {_reason(error)}") from None

    def _connected(self, distributed: ModuleType) -> Any:
        """Return a client of the cluster. Its workers have this version of Tripcurve. Raises BadInput as `map` does."""
        try:
            client = distributed.Client(self.scheduler, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise BadInput(
                f"--scheduler {self.scheduler}: no Dask scheduler answers there ({_reason(error)}); "
                "start one with `dask scheduler`, and workers with `dask worker ADDRESS`"
            ) from None
        try:
            self._check_workers(client)
        except BaseException:
            client.close()
            raise
        return client

    def _check_workers(self, client: Any) -> None:
        try:
            client.wait_for_workers(1, timeout=CONNECT_S)
            versions = client.run(_version)
        except TimeoutError:
            raise BadInput(
                f"--scheduler {self.scheduler}: the cluster has no worker; "
                f"start one with `dask worker {self.scheduler}`"
            ) from None
        except ImportError as error:
            raise BadInput(
                f"--scheduler {self.scheduler}: a worker cannot import Tripcurve ({error}); install tripcurve "
                f"{__version__} where its workers run"
            ) from None
        other = next(
            (f"{worker} has Tripcurve {found}" for worker, found in versions.items() if found != __version__), None
        )
        if other is not None:
            raise BadInput(
                f"--scheduler {self.scheduler}: worker {other}, and this process has {__version__}; "
                "install the same version on both"
            )


def engine_of(name: str, scheduler: str | None) -> Engine:
    """Return the engine of that name. Raises BadInput for an unknown name and for a missing or superfluous address."""
    if name not in ENGINES:
        raise BadInput(f"--engine {name!r} is not known; give one of: {', '.join(ENGINES)}")
    if name == "local":
        if scheduler is not None:
            raise BadInput("--scheduler goes with --engine dask only")
        return Local()
    if scheduler is None:
        raise BadInput("--engine dask needs --scheduler ADDRESS, such as tcp://localhost:8786")
    _distributed()
    return Dask(scheduler)


def _distributed() -> ModuleType:
    try:
        found = import_module("distributed")
    except ImportError:
        raise BadInput("--engine dask needs Dask, which is not installed: pip install 'tripcurve[dask]'") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # our own message says the same
    return found


def _version() -> str:
    return __version__


def _reason(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
