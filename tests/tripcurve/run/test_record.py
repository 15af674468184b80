"""The record: one definition of its columns, from which Arrow's schema comes."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tripcurve.run.record import ORIGINS, SCHEMA, Row


def test_the_schema_has_the_rows_fields_in_their_order() -> None:
    assert list(Row._fields) == SCHEMA.names


@pytest.mark.parametrize(
    ("column", "kind", "nullable"),
    [
        ("start_ns", pa.int64(), False),
        ("latency_us", pa.int32(), False),
        ("first_byte_us", pa.int32(), True),
        ("status", pa.int16(), False),
        ("origin", pa.dictionary(pa.int32(), pa.string()), False),
        ("backend", pa.dictionary(pa.int32(), pa.string()), True),
        ("retry_after_s", pa.float32(), True),
        ("error", pa.dictionary(pa.int32(), pa.string()), True),
        ("worker", pa.int16(), False),
    ],
)
def test_a_column_has_the_type_that_its_field_names(column: str, kind: pa.DataType, nullable: bool) -> None:
    field = SCHEMA.field(column)
    assert (field.type, field.nullable) == (kind, nullable)


def test_every_column_says_what_it_means() -> None:
    assert all(field.metadata[b"meaning"] for field in SCHEMA)


def test_the_schema_says_its_version() -> None:
    assert SCHEMA.metadata == {b"tripcurve.schema": b"1"}


def test_an_origin_is_one_of_three() -> None:
    assert ORIGINS == ("backend", "gateway", "client")
