"""Sentences and cells shared by the terminal, Markdown and HTML reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["TRIP_COLUMNS", "answer", "number", "trip_rows"]


def number(value: float | None, digits: int = 3) -> str:
    """A number for a person; a dash where nothing was observed."""
    return "–" if value is None else f"{value:,.{digits}f}"


def with_half_width(measured: dict[str, float] | None) -> str:
    """`5.087 ±0.012`, or a dash."""
    return "–" if measured is None else f"{measured['estimate']:.3f} ±{measured['half_width']:.3f}"


def _error(name: str) -> Callable[[dict[str, Any]], str]:
    def cell(trip: dict[str, Any]) -> str:
        error = (trip["error_s"] or {}).get(name)
        return "–" if error is None else f"{error * 1000:+.1f}"

    return cell


def _truth(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda trip: number((trip["truth"] or {}).get(name))


TRIP_COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "backend": lambda trip: str(trip["backend"] or "–"),
    "tripped, s": lambda trip: with_half_width(trip["tripped_s"]),
    "truth, s": _truth("tripped_s"),
    "error, ms": _error("tripped_s"),
    "reset, s": lambda trip: with_half_width(trip["reset_s"]),
    "truth, s ": _truth("reset_s"),
    "error, ms ": _error("reset_s"),
    "time to trip, s": lambda trip: number(trip["time_to_trip_s"]),
    "failures": lambda trip: "–" if trip["failures_to_trip"] is None else str(trip["failures_to_trip"]),
    "overshoot": lambda trip: "–" if trip["overshoot"] is None else str(trip["overshoot"]),
    "open, s": lambda trip: number(trip["open_s"]),
    "open error, s": lambda trip: "–" if trip["open_error_s"] is None else f"{trip['open_error_s']:+.3f}",
    "recovery, s": lambda trip: number(trip["recovery_latency_s"]),
    "outage, s": lambda trip: number(trip["outage_s"]),
    "429": lambda trip: str(trip["throttled"]),
    "503": lambda trip: str(trip["shed"]),
    "re-trip": lambda trip: "yes" if trip["retrip"] else "no",
}
"""Columns of the trip table: heading to cell. A trailing blank keeps two headings apart."""


def trip_rows(summary: dict[str, Any]) -> list[list[str]]:
    return [[cell(trip) for cell in TRIP_COLUMNS.values()] for trip in summary["trips"]]


def answer(summary: dict[str, Any]) -> list[str]:
    """The run in three sentences: what the breaker did, what clients saw, how sure this is."""
    return [_what_happened(summary), _what_clients_saw(summary), _how_sure(summary)]


def _what_happened(summary: dict[str, Any]) -> str:
    trips = len(summary["trips"])
    if not trips:
        return "The breaker was not seen to open."
    text = f"The breaker opened {_times(trips)}"
    if summary["retrips"]:
        text += f", {summary['retrips']} of them again while the fault lasted"
    time, opened = summary["time_to_trip_s"], summary["open_s"]
    if time["median"] is not None:
        text += f"; it tripped {time['median']:.3f} s (median) after the first failure"
    if opened["median"] is not None:
        text += f" and stayed open {opened['median']:.2f} s"
    return text + "."


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _what_clients_saw(summary: dict[str, Any]) -> str:
    requests = summary["requests"]
    text = f"Of {requests['total']:,} requests clients saw {summary['throttles']:,} 429s from backends"
    text += f" and {summary['sheds']:,} 503s from the gateway"
    if summary["ratio_503_429"] is not None:
        text += f" ({summary['ratio_503_429']:.1f} for each 429)"
    longest = summary["outage_s"]["max"]
    return text + (f"; the longest outage lasted {longest:.1f} s." if longest is not None else ".")


def _how_sure(summary: dict[str, Any]) -> str:
    accuracy = summary["accuracy"]
    if accuracy["n"]:
        outside = "none" if not accuracy["outside"] else str(accuracy["outside"])
        return (
            f"Against the gateway's own record, {accuracy['n']} instants were off by "
            f"{accuracy['median_error_s'] * 1000:.1f} ms (median), at most {accuracy['max_error_s'] * 1000:.1f} ms; "
            f"{outside} lay outside the stated half-width."
        )
    if summary["trips"]:
        return "The target keeps no record of its own, so the half-widths are the accuracy."
    return (
        "There is nothing to compare with the gateway's own record."
        if summary["truth_known"]
        else "The target keeps no record of its own."
    )
