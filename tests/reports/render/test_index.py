"""The charts of the trend page."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reports.render.charts import around
from reports.render.index import measure_chart


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_an_axis_shows_all_values_and_no_less_than_2_percent_of_them(values: list[float]) -> None:
    low, high = around(values)
    assert low <= min(values) <= max(values) <= high
    middle = (min(values) + max(values)) / 2
    assert high - low >= abs(middle) * 0.0199
    assert high > low


def test_runs_are_drawn_in_their_order_even_if_they_started_at_the_same_instant() -> None:
    spec = measure_chart([3.0, 1.0, 2.0], "outage_s.max")
    assert spec["data"]["values"] == [{"run": 1, "value": 3.0}, {"run": 2, "value": 1.0}, {"run": 3, "value": 2.0}]
    assert spec["title"] == "longest outage, s"
