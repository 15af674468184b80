"""The forms in which Azure exports records, and files that are none of them."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.exports.files import read_records
from tripcurve.errors import BadInput

ROW = {"TimeGenerated": "2026-11-29T06:16:54.1234567Z", "ResponseCode": 200}
READ = {"timegenerated": ROW["TimeGenerated"], "responsecode": 200}


def read(path: Path, text: str) -> list[dict[str, object]]:
    path.write_text(text, "utf-8")
    return read_records(path)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([ROW, ROW]),
        f"{json.dumps(ROW)}\n{json.dumps(ROW)}\n",
        json.dumps({"records": [ROW, ROW]}),
        json.dumps({"tables": [{"columns": [{"name": name} for name in ROW], "rows": [list(ROW.values())] * 2}]}),
        "\n".join(base64.b64encode(json.dumps(ROW).encode()).decode() for _ in range(2)),
    ],
)
def test_every_form_of_json_gives_the_same_records(tmp_path: Path, text: str) -> None:
    assert read(tmp_path / "export", text) == [READ, READ]


def test_csv_gives_texts(tmp_path: Path) -> None:
    text = "TimeGenerated [Local Time],ResponseCode\n2026-11-29T06:16:54Z,503\n"
    assert read(tmp_path / "a.csv", text) == [{"timegenerated": "2026-11-29T06:16:54Z", "responsecode": "503"}]


def test_a_resource_log_keeps_its_properties(tmp_path: Path) -> None:
    record = {"time": "2026-11-29T06:16:54Z", "durationMs": 12, "properties": {"responseCode": 503, "backendTime": 0}}
    (found,) = read(tmp_path / "log.json", json.dumps(record))
    assert found["responsecode"] == 503
    assert found["durationms"] == 12


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "\n\n"])
def test_a_file_without_records_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match="has no records"):
        read(tmp_path / "export", text)


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"missing\.json cannot be read"):
        read_records(tmp_path / "missing.json")
    (tmp_path / "zip").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(BadInput, match="not a text file"):
        read_records(tmp_path / "zip")


@given(data=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_no_content_is_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("export") / "file"
    path.write_bytes(data)
    with suppress(BadInput):
        assert read_records(path)
