"""The command `tripcurve local`: runs the local cloud in the foreground, with its signals, JSON line and exit code."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop

from provision.local.cloud import EVENTS, LOGS, LocalCloud, Ports
from provision.local.gateways.local_gateway import LocalGateway
from tripcurve.errors import BadInput, TargetUnavailable
from tripcurve.lab import LABS, Existing, Lab, load_lab
from tripcurve.shipped import find_file
from tripcurve.target import Target

__all__ = ["Provisioner", "run_local", "serve"]

_WARM_UP = '<policies><inbound><set-variable name="warm" value="@(1)" /></inbound></policies>'

Provisioner = Callable[[Mapping[str, Any]], Target]
"""Provisions a lab on the cloud that a connection describes. It blocks, so it runs in a thread."""


def run_local(
    lab: str | None = None,
    *,
    port: int = 0,
    gateway_port: int = 0,
    data_dir: Path | None = None,
    stop_with_stdin: bool = False,
) -> int:
    """Run the local cloud until a signal, or until stdin ends, and return the exit code.

    Raises BadInput for a bad lab, and TargetUnavailable for a port in use or a lab that cannot be provisioned.
    """
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="tripcurve local: %(message)s")
    loaded = None if lab is None else load_lab(lab)
    provision = None if lab is None or loaded is None else _provisioner(loaded, find_file(lab, LABS, ".yaml", "lab"))
    with _data_folder(data_dir) as folder:
        job = serve(
            loaded,
            folder,
            Ports(port, gateway_port),
            ready=_print_line,
            provision=provision,
            stop_with_stdin=stop_with_stdin,
        )
        return uvloop.run(job)


async def serve(
    lab: Lab | None,
    data_dir: Path,
    ports: Ports,
    *,
    ready: Callable[[dict[str, Any]], None],
    provision: Provisioner | None = None,
    stop_with_stdin: bool = False,
) -> int:
    """Run the local cloud from listening until its last process has ended.

    `ready` is called with the fields of the JSON line once everything is ready. Returns 0 if `stop` is set after that,
    and 130 if before. Raises TargetUnavailable if a port is in use or a process ends.
    """
    stop = asyncio.Event()
    _stop_on_signals(stop)
    if stop_with_stdin:
        _stop_at_end_of_stdin(stop)
    cloud = _cloud(lab, data_dir, ports)
    try:
        await cloud.open()
        line = await _unless_stopped(_prepared(cloud, provision), cloud, stop)
        if line is None:
            return 130
        ready(line)
        await stop.wait()
        return 0
    finally:
        await cloud.close()


def _cloud(lab: Lab | None, data_dir: Path, ports: Ports) -> LocalCloud | LocalGateway:
    """Return what runs the lab: the local cloud, or a gateway program if the lab names one."""
    if lab is None or lab.gateway.kind == "apim":
        return LocalCloud(data_dir, ports, lab)
    return LocalGateway(lab, data_dir, data_dir / EVENTS, ports.gateway)


async def _prepared(cloud: LocalCloud | LocalGateway, provision: Provisioner | None) -> dict[str, Any]:
    """Provision the lab, wait until every process is ready, and return the fields of the JSON line."""
    if isinstance(cloud, LocalGateway):
        await cloud.ready()
        return _shown(cloud.target)
    threading.Thread(target=_load_compiler, name="compiler", daemon=True).start()
    connection = cloud.connection()
    made = {} if provision is None else _shown(await _in_thread(provision, connection))
    await cloud.ready()
    return connection | made


async def _unless_stopped(
    job: Coroutine[Any, Any, dict[str, Any]], cloud: LocalCloud | LocalGateway, stop: asyncio.Event
) -> dict[str, Any] | None:
    """Return what the job returns, or None if `stop` is set first. Raises TargetUnavailable if a process ends first."""
    made = asyncio.ensure_future(job)
    stopped, died = asyncio.ensure_future(stop.wait()), asyncio.ensure_future(cloud.died())
    first: set[asyncio.Future[Any]] = {made, stopped, died}
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    ended = made.done()
    for waiting in first:
        waiting.cancel()
    await asyncio.gather(*first, return_exceptions=True)
    if cloud.dead:
        raise TargetUnavailable("; ".join(cloud.dead))
    return made.result() if ended else None


def _load_compiler() -> None:
    """Load the policy compiler and its grammar while the children start, so that the first policy need not wait."""
    from provision.local.apim.policies import compile_document

    compile_document(_WARM_UP)


def _in_thread(provision: Provisioner, connection: Mapping[str, Any]) -> asyncio.Future[Target]:
    """Run `provision` in a daemon thread, so that an interrupt does not wait for the SDK's retries."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Target] = loop.create_future()

    def settle(act: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            act(value)
            future.exception()  # marks it as retrieved: nobody may be waiting any more

    def work() -> None:
        try:
            target = provision(connection)
        except BaseException as error:
            _tell(loop, settle, future.set_exception, error)
        else:
            _tell(loop, settle, future.set_result, target)

    threading.Thread(target=work, name="provision", daemon=True).start()
    return future


def _tell(loop: asyncio.AbstractEventLoop, act: Callable[..., None], *arguments: Any) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(act, *arguments)


def _provisioner(lab: Lab, lab_file: Path) -> Provisioner:
    def provision(connection: Mapping[str, Any]) -> Target:
        from provision import provision_lab
        from provision.resources import clouds

        # This cloud is new and empty, so resources that exist elsewhere must be created here.
        gateway = lab.gateway.model_copy(update={"identity": "system"})
        whole = lab.model_copy(update={"existing": Existing(), "gateway": gateway})
        return provision_lab(whole, clouds.local(connection), lab_file=lab_file)

    return provision


def _shown(target: Target) -> dict[str, Any]:
    """Return the target's fields with the key in clear, because other programs read the key from the JSON line."""
    shown = target.model_dump(mode="json", exclude_none=True, exclude={"api_key", "client_secret"})
    return {**shown, "api_key": target.api_key.get_secret_value()}


def _print_line(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on SIGINT or SIGTERM; a second SIGINT exits at once, and closing our pipes ends the children."""
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    loop.add_signal_handler(signal.SIGTERM, stop.set)


def _stop_at_end_of_stdin(stop: asyncio.Event) -> None:
    """Set `stop` at the end of stdin, so that this process never outlives the program that started it with a pipe."""
    loop = asyncio.get_running_loop()

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            continue
        _tell(loop, stop.set)

    threading.Thread(target=watch, name="stdin", daemon=True).start()


@contextmanager
def _data_folder(given: Path | None) -> Iterator[Path]:
    """Yield the given folder, or for None a private one that is deleted at the end."""
    if given is None:
        with tempfile.TemporaryDirectory(prefix="tripcurve-local-") as made:
            yield Path(made)
        return
    try:
        given.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise TargetUnavailable(f"{given}: cannot make this folder: {error.strerror}") from None
    for name in (EVENTS, LOGS):
        if (given / name).exists():
            # Both files are appended to, so an earlier run's trips would count as this one's.
            raise BadInput(
                f"{given / name} was left by an earlier run; remove it, or pass another folder to --data-dir"
            )
    yield given.resolve()
