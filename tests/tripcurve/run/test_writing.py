"""Files of a run directory are written whole or not at all, and never through a link."""

from __future__ import annotations

from pathlib import Path

import pytest

from tripcurve.run.writing import make_folder, replacing, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("content", "read"), [("größer\n", "größer\n".encode()), (b"\x00\xff", b"\x00\xff")])
def test_a_file_is_written_and_nothing_else(tmp_path: Path, content: str | bytes, read: bytes) -> None:
    write_whole(tmp_path / "file", b"before")
    write_whole(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == read
    assert names(tmp_path) == ["file"]


def test_a_failed_write_keeps_the_file_as_it_was(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        with replacing(path) as part:
            part.write_text("half")
            raise ZeroDivisionError

    write_whole(tmp_path / "file", "before")
    with pytest.raises(ZeroDivisionError):
        fail(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "before"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("link", ["file", "file.part"])
def test_a_link_is_replaced_and_what_it_names_is_untouched(tmp_path: Path, link: str) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "run"
    outside.write_text("mine")
    folder.mkdir()
    (folder / link).symlink_to(outside)
    write_whole(folder / "file", "new")
    assert outside.read_text() == "mine"
    assert (folder / "file").read_text() == "new"
    assert names(folder) == ["file"]
    assert not (folder / "file").is_symlink()


def test_a_folder_is_made_in_place_of_a_link(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "charts").symlink_to(tmp_path / "outside")
    for _ in range(2):
        make_folder(tmp_path / "charts")
    write_whole(tmp_path / "charts" / "file", "x")
    assert names(tmp_path / "outside") == []


def test_a_file_takes_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    write_whole(tmp_path / "file", "")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode
