"""What `tripcurve local` has to know of a gateway program: where it is, its configuration, and its record of trips."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tripcurve.errors import TargetUnavailable
from tripcurve.gateways import profile_of
from tripcurve.lab import Lab

__all__ = ["Change", "Launch", "Program", "Setup", "UnknownRecord", "command_path", "environment", "not_installed"]

_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "LD_LIBRARY_PATH")
"""The variables of ours that a program gets: no credential, no proxy, and no setting of the program itself."""


class UnknownRecord(ValueError):
    """A line of a program's record has a form that this version of Tripcurve does not know."""


class Change(NamedTuple):
    """A change that a program recorded: a backend was excluded (`opened`), or may be used again.

    `backend` is the backend's name or its address. `half_width_ns`: how far `at_ns` can be off.
    `until_ns` is for programs that record no end: the instant until which the backend stays excluded. Later changes do
    not prolong it.
    """

    opened: bool
    backend: str
    at_ns: int
    half_width_ns: int
    until_ns: int | None = None


@dataclass(frozen=True)
class Setup:
    """What a program's configuration is made from.

    `folder` is for its files. `addresses` has each backend's host and port, such as 127.0.0.1:8001.
    """

    lab: Lab
    folder: Path
    port: int
    key: str = field(repr=False)
    addresses: Mapping[str, str]

    @property
    def knobs(self) -> Mapping[str, object]:
        """The lab's rule in the program's own terms; empty if no backend has a rule."""
        rules = [backend.breaker for backend in self.lab.backends if backend.breaker is not None]
        return profile_of(self.lab).express(rules[0]).knobs if rules else {}


@dataclass(frozen=True)
class Launch:
    """How to start a program, and how to reach the lab's API through it.

    `ready_path` None: the program is ready when it accepts connections. `api_path` replaces the lab's, because each
    program has its own. `api_version` None: the lab's. `headers` are those that each request needs.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    api_path: str
    ready_path: str | None = None
    api_version: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """One kind of gateway program.

    `find` returns the executable, or raises TargetUnavailable with the command that installs it. `prepare` writes the
    configuration. `version` returns the version of the executable that `find` returned, or None if it cannot be found
    out. `read` returns the change that a line of the record states, or None for other lines; it raises
    UnknownRecord. `record` is the name of the record in the setup's folder. Both are None for a program that has none.
    """

    find: Callable[[Lab], Path]
    prepare: Callable[[Setup, Path], Launch]
    version: Callable[[Path], str | None]
    read: Callable[[str], Change | None] | None = None
    record: str | None = None


def command_path(variable: str, name: str, *candidates: Path) -> Path | None:
    """Return the executable that `variable` names, else one on the PATH or beside this Python, else a candidate.

    None if there is none. Raises TargetUnavailable if the variable names no file.
    """
    named = os.environ.get(variable)
    if named:
        if not Path(named).is_file():
            raise TargetUnavailable(f"{variable}: there is no file {named}; name the program, or unset the variable")
        return Path(named)
    on_path = shutil.which(name)
    found = [*([] if on_path is None else [Path(on_path)]), Path(sys.executable).with_name(name), *candidates]
    return next((path for path in found if path.is_file()), None)


def not_installed(lab: Lab, variable: str) -> TargetUnavailable:
    """Return the error for a program that is not there: it names the command that installs it."""
    profile = profile_of(lab)
    return TargetUnavailable(
        f"gateway.kind {profile.kind}: {profile.title} is not installed; run `{profile.install}`, "
        f"or name the program in the variable {variable}"
    )


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Return the environment of a program: a few of our variables, `folder` as its home, and its settings."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | {"HOME": str(folder)} | settings
