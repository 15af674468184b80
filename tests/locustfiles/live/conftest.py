"""Locust with its web page, as a user starts it, and a real browser to look at it."""

from __future__ import annotations

import os
import shutil
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tests.locustfiles.unpatched  # noqa: F401  # before the tests import what imports Locust
from tests.locustfiles.forks import Fork, fork_locust
from tests.locustfiles.running import LOCUSTFILE, own_host

SCENARIO = """
name: short
users: {ChatUser: 10, ProbeUser: 1}
phases:
  - {name: healthy, for: 2, rate: 40}
  - {name: fault, for: 5, rate: 40, simulate: {default: {status: 429}}}
  - {name: healed, for: 4, rate: 40}
"""


class Web:
    """One Locust with a page, and its workers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host, self.port = own_host(), 8089
        self.url = f"http://{self.host}:{self.port}/"
        self._processes: list[Fork] = []

    def start(self, *words: str) -> None:
        self.run("--web-host", self.host, "--scenario", "short.yaml", *words)
        self._wait_for_page()

    def start_distributed(self, workers: int, *words: str) -> None:
        self.start("--master", "--master-bind-host", self.host, *words)
        for _ in range(workers):
            self.run("--worker", "--master-host", self.host)

    def run(self, *words: str) -> None:
        env = {**os.environ, "TRIPCURVE_STATE_DIR": str(self.folder / "nothing-is-up")}
        log = self.folder / f"log-{len(self._processes)}"
        self._processes.append(fork_locust(["-f", str(LOCUSTFILE), *words], self.folder, env, log, log))

    def _wait_for_page(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(self.url, timeout=5):  # noqa: S310  # our own page
                    return
            except urllib.error.URLError:
                assert time.monotonic() < deadline, "Locust's page did not come up"
                assert self._processes[0].poll() is None, self.log()
                time.sleep(0.1)

    def log(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("log-*")))

    def stop(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            process.wait(timeout=30)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    (tmp_path / "short.yaml").write_text(SCENARIO)
    made = Web(tmp_path)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Callable[..., Any]]:
    """Starts chromium as Debian has it, with more arguments: playwright's own download is not needed."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium on this machine (Debian: apt install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Inside a container chromium cannot make its own sandbox; it opens loopback pages only.
        yield lambda *words: playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *words])


@pytest.fixture(scope="module")
def browser(chromium: Callable[..., Any]) -> Iterator[Any]:
    started = chromium()
    yield started
    started.close()


@pytest.fixture
def rebound(chromium: Callable[..., Any], web: Web) -> Iterator[Any]:
    """A browser to which the attacker's DNS name is this machine."""
    started = chromium(f"--host-resolver-rules=MAP evil.example {web.host}")
    yield started
    started.close()


class Watched:
    """A page, with what it asked for elsewhere and what went wrong in it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.outside: list[str] = []
        self.errors: list[str] = []
        page.on("request", self._asked)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("http://127.", "data:", "blob:")):
            self.outside.append(request.url)


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """Opens pages; how each looked at the end of the test is kept beside its other files."""
    pages: list[Any] = []

    def opened(url: str, **how: Any) -> Watched:
        page = browser.new_page(viewport={"width": 1280, "height": 900}, **how)
        pages.append(page)
        watched = Watched(page)
        page.goto(url)
        return watched

    yield opened
    for number, page in enumerate(pages):
        page.screenshot(path=tmp_path / f"page-{number}.png")
        page.close()
