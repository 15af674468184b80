"""Messages of errors of the operating system, whichever library raised them."""

from __future__ import annotations

import errno
from pathlib import Path

import pyarrow as pa
import pytest

from tripcurve.errors import reason_of, remedy_for


@pytest.mark.parametrize(
    ("error", "reason", "remedy"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device", "Make room there"),
        (OSError("Error writing bytes to file. Detail: [errno 27] File too large"), "File too large", "Make room"),
        (OSError("Failed to open. Detail: [errno 13] Permission denied"), "Permission denied", "folder writable"),
        (OSError("Arrow has\nno number"), "Arrow has", "folder writable"),
    ],
)
def test_the_reason_is_the_operating_systems(error: OSError, reason: str, remedy: str) -> None:
    assert reason_of(error) == reason
    assert remedy in remedy_for(error, Path("run"))


def test_the_reason_of_an_error_of_arrow(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught:  # noqa: PT011  # its message is the subject
        pa.OSFile(str(tmp_path / "missing" / "file"), "wb")
    assert reason_of(caught.value) == "No such file or directory"
