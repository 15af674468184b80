"""Writes the files of a run directory, each whole or not at all.

A run directory may come from somebody else. A link at the name of a file that is written is replaced, never followed,
so that nothing outside the directory changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["make_folder", "replacing", "write_whole"]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a new, empty file beside `path`, which takes its place when the block ends.

    If the block raises, or the file cannot take its place, the new file is removed and `path` is as before.
    Raises OSError.
    """
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    part.open("xb").close()  # fails where something is at that name again, and follows no link
    try:
        yield part
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file; text as UTF-8. Raises OSError, and then leaves no half-written file behind."""
    with replacing(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def make_folder(path: Path) -> None:
    """Make a folder unless it exists; a link at its name is removed first. Raises OSError."""
    if path.is_symlink():
        path.unlink()
    path.mkdir(exist_ok=True)
