"""Draws Vega-Lite specifications as SVG, here or in a process of its own, and keeps the page's script.

The library, vl_convert, needs most of a second to start and holds Python's lock while it draws. So `tripcurve report`
starts one process before it imports anything else, and reads the run meanwhile. That process runs this file, which
imports nothing of ours. It reads specifications and answers with SVGs, each a line of JSON, until its input ends.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from subprocess import PIPE, Popen
from typing import IO, Any

import vl_convert

__all__ = ["Draw", "draw_here", "drawing_process", "png_of", "svg_of", "vega_script"]

Draw = Callable[[dict[str, Any]], Future[str]]
"""Draws a Vega-Lite specification as SVG, now or later."""

_SNIPPET = "window.vegaEmbed = vegaEmbed;"
_NOTHING = {"data": {"values": []}, "mark": "point", "encoding": {}}


def svg_of(spec: dict[str, Any]) -> str:
    """Draw a Vega-Lite specification as SVG."""
    return str(vl_convert.vegalite_to_svg(spec))


def png_of(svg: str) -> bytes:
    """Return an SVG as a PNG of twice the size."""
    return bytes(vl_convert.svg_to_png(svg, scale=2))


def draw_here(spec: dict[str, Any]) -> Future[str]:
    """Draw in this process, at once."""
    done: Future[str] = Future()
    done.set_result(svg_of(spec))
    return done


@contextmanager
def drawing_process() -> Iterator[Draw]:
    """Start a process that draws, one specification after the other. A drawing raises BrokenExecutor if it died."""
    # -P: the folder of this file must not be searched for modules; it has an html.py.
    process = Popen([sys.executable, "-P", __file__], stdin=PIPE, stdout=PIPE)
    thread = ThreadPoolExecutor(1)
    try:
        yield lambda spec: thread.submit(_ask, process, spec)
    finally:
        process.kill()
        thread.shutdown()
        with suppress(OSError):  # which the rest of an interrupted question raises
            process.communicate()


def _ask(process: Popen[bytes], spec: dict[str, Any]) -> str:
    answer = b""
    if process.stdin is not None and process.stdout is not None:
        with suppress(OSError):
            process.stdin.write(json.dumps(spec).encode() + b"\n")
            process.stdin.flush()
            answer = process.stdout.readline()
    if not answer.endswith(b"\n"):
        raise BrokenExecutor("the process that draws the charts died")
    return str(json.loads(answer))


def _answer(asked: IO[bytes], answers: IO[bytes]) -> None:
    """Draw every specification that is asked for. Ctrl-C is left to the process that asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    svg_of(_NOTHING)  # which loads the library before the first question
    for line in asked:
        answers.write(json.dumps(svg_of(json.loads(line))).encode() + b"\n")
        answers.flush()


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


if __name__ == "__main__":
    _answer(sys.stdin.buffer, sys.stdout.buffer)
