"""Draws Vega-Lite specifications as SVG and PNG, here or in processes of their own, and keeps the page's script.

The library, vl_convert, needs most of a second to start and holds Python's lock while it draws. So `tripcurve report`
starts two processes before it reads the run, and draws in them while it writes the page. This module imports nothing
else, so that those processes start at once.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

import vl_convert

__all__ = ["AtOnce", "drawing_processes", "svg_and_png", "svg_of", "vega_script"]

PROCESSES = 2
_SNIPPET = "window.vegaEmbed = vegaEmbed;"
_NOTHING = {"data": {"values": []}, "mark": "point", "encoding": {}}


def svg_and_png(spec: dict[str, Any]) -> tuple[str, bytes]:
    """Draw a Vega-Lite specification as SVG, and as PNG of twice the size."""
    svg = svg_of(spec)
    return svg, bytes(vl_convert.svg_to_png(svg, scale=2))


def svg_of(spec: dict[str, Any]) -> str:
    """Draw a Vega-Lite specification as SVG."""
    return str(vl_convert.vegalite_to_svg(spec))


class AtOnce(Executor):
    """Does each task in this process, when it is submitted."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@contextmanager
def drawing_processes() -> Iterator[Executor]:
    """Start the processes that draw. They load the library while the caller reads the run."""
    with ProcessPoolExecutor(PROCESSES, get_context("spawn"), _end_with_parent) as processes:
        for _ in range(PROCESSES):
            processes.submit(svg_of, _NOTHING)
        yield processes


def _end_with_parent() -> None:
    """Leave Ctrl-C to the parent process, and end when it has ended, killed or not."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()

    def wait_and_end() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=wait_and_end, daemon=True).start()


@cache
def vega_script() -> str:
    """Return Vega-Embed and what it needs as one script, from the user's cache folder or built, which takes seconds."""
    kept = _cache_file()
    text = None if kept is None else _read(kept)
    if text is None:
        text = str(vl_convert.javascript_bundle(_SNIPPET)).replace("</script", "<\\/script")
        if kept is not None:
            _keep(text, kept)
    return text


def _cache_file() -> Path | None:
    """The file that keeps the script of this version of the library; None where the user has no home."""
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        folder = Path(base) if base else Path.home() / ".cache"
    except RuntimeError:
        return None
    return folder / "tripcurve" / f"vega-embed-{version('vl-convert-python')}.js"


def _read(path: Path) -> str | None:
    """The script, or None where there is none or it is damaged: its first line is the digest of the others."""
    try:
        digest, _, text = path.read_text("utf-8").partition("\n")
    except (OSError, ValueError):
        return None
    return text if digest == _digest(text) else None


def _keep(text: str, path: Path) -> None:
    """Write the script, whole or not at all. A cache that cannot be written is no fault of the report's."""
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.write_text(f"{_digest(text)}\n{text}", "utf-8")
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _digest(text: str) -> str:
    return f"// sha256 {hashlib.sha256(text.encode()).hexdigest()}"
