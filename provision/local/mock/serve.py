"""The mock as a web app: it reads its configuration from the environment and answers to any host name."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping

from pydantic import ValidationError

from provision.local.mock.service import Mock
from provision.local.mock.snapshot import SettingsFault, Site, Snapshot
from provision.local.wire.limits import Limits
from provision.local.wire.server import Server
from tripcurve.errors import BadInput
from tripcurve.field_errors import field_errors
from tripcurve.lab.local_options import LocalOptions

__all__ = ["run_web_app", "web_app"]

USUAL_PORT = "8000"
OPTIONS_SETTING = "TRIPCURVE_MOCK_OPTIONS"


def web_app(environment: Mapping[str, str]) -> tuple[Mock, int]:
    """Return the mock and its port as application settings define them. Raises BadInput naming a wrong setting.

    App Service sets `REGION_NAME` and `WEBSITE_SITE_NAME` itself; `PORT` or `WEBSITES_PORT` sets the port.
    """
    site = Site(
        name=environment.get("WEBSITE_SITE_NAME", "mock"),
        location=environment.get("REGION_NAME", "eastus"),
        settings=dict(environment),
    )
    port = environment.get("PORT") or environment.get("WEBSITES_PORT") or USUAL_PORT
    if not port.isdigit() or not 0 <= int(port) < 65536:
        raise BadInput(f"PORT: {port!r} is not a port; give a number from 0 to 65535")
    try:
        site.limits()
        site.latency()
        site.deployment()
        options = LocalOptions.model_validate_json(environment.get(OPTIONS_SETTING, "{}"))
    except SettingsFault as error:
        raise BadInput(str(error)) from None
    except ValidationError as error:
        raise BadInput(f"application setting {OPTIONS_SETTING}: {field_errors(error, LocalOptions)[0]}") from None
    return Mock(Snapshot(options=options), only=site), int(port)


async def run_web_app(environment: Mapping[str, str], host: str = "0.0.0.0") -> int:  # noqa: S104  # a container serves its network
    """Serve until SIGTERM or SIGINT and return the exit code. Raises BadInput for a wrong setting or a port in use."""
    mock, wanted = web_app(environment)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = Server(mock.handle, Limits())
    try:
        port = await server.listen(host, wanted)
    except OSError as error:
        raise BadInput(f"port {wanted}: {error.strerror}") from None
    print(f"serving on {host}:{port}", flush=True)  # the container's log
    await stop.wait()
    await server.close(grace_s=5.0)
    return 0
