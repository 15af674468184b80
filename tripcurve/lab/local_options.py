"""The lab's `local:` block: behaviour of API Management that nobody outside Microsoft knows, as options.

Each option answers one question about API Management that Microsoft's documents leave open. A report prints the options
in force, because some of them change the measurements.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tripcurve.durations import Seconds

__all__ = ["LocalOptions"]


class LocalOptions(BaseModel):
    """How the local cloud behaves where Azure is undocumented. Instances are immutable, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    # breaker
    breaker_window: Literal["sliding", "fixed_first_failure", "fixed_clock"] = Field(
        "sliding", description="Counting window: the last `interval`, or buckets from the first failure or the clock"
    )
    success_clears: bool = Field(False, description="Whether a success empties the failure counter")
    percentage_min_volume: int = Field(1, ge=1, description="Fewest answers in the window for `percentage` to apply")
    half_open_probes: int = Field(
        0, ge=0, description="Trial requests let through after the open time; 0: the breaker closes at once"
    )
    counter_after_reset: Literal["cleared", "continues"] = "cleared"
    transport_failures: Literal["if_reason_listed", "never", "always_as_500"] = Field(
        "if_reason_listed", description="Whether a backend that gave no response counts as a failure"
    )
    server_errors_alias: Literal["nothing", "any_5xx", "any_failure"] = Field(
        "nothing", description="Failures that the error reason `Server errors` matches"
    )
    retry_after_forms: Literal["seconds_and_date", "seconds"] = "seconds_and_date"
    retry_after_ms: bool = Field(False, description="Whether the header retry-after-ms is read as well")
    retry_after_cap: Seconds | None = Field(
        None, gt=0, description="Longest Retry-After that is used in full; null: no limit"
    )
    retry_after_shorter: Literal["replaces", "max_with_trip_duration"] = "replaces"
    retry_after_outside_statuses: Literal["ignored", "used"] = "ignored"
    retry_after_from: Literal["tripping_answer", "largest_in_window"] = "tripping_answer"
    late_failures: Literal["ignored", "extend"] = Field(
        "ignored",
        description="Effect of a failure that arrives while the breaker is open, from a request admitted before",
    )
    in_flight_at_trip: Literal["finish", "cancelled"] = "finish"
    broken_stream_counts: bool = Field(False, description="Whether a stream that breaks after its headers is a failure")
    backend_put_while_open: Literal["kept_if_unchanged", "reset", "kept"] = "kept_if_unchanged"
    closed_event: Literal["at_deadline", "at_next_request"] = "at_deadline"
    # pool
    pool_weighting: Literal["smooth", "random", "block"] = "smooth"
    weight_zero: Literal["never", "one"] = "never"
    priority_null: Literal["first", "last"] = "first"
    affinity_to_tripped: Literal["reissue", "503"] = "reissue"
    # gateway
    unit_count_override: int | None = Field(
        None, ge=1, le=16, description="Number of gateway processes; null: the lab's `units`, or 1 if they are unknown"
    )
    shed_profile: Literal["2026", "legacy"] = Field("2026", description="Wording of the open breaker's 503")
    open_section: Literal["on-error", "outbound"] = Field(
        "on-error", description="Policy section that an open breaker's answer runs through"
    )
    shed_retry_after: Literal["soonest", "last_tripped", "none_for_single"] = "soonest"
    response_after_transport_failure: Literal["synthetic_500", "null"] = "synthetic_500"
    rule_bounds: Literal["warn", "reject", "accept"] = "warn"
    unsupported_breaker: Literal["reject", "ignore"] = Field(
        "reject", description="What happens to a breaker on Consumption or on a pool, or to a second rule"
    )
    cache_miss: Literal["unset", "null"] = "unset"
    variable_type_mismatch: Literal["throw", "default"] = "throw"
    connect_time_counts: bool = Field(True, description="Whether connecting counts towards forward-request's timeout")
    # mock
    mock_tpm_window: Literal["fixed_minute", "sliding_60s"] = "fixed_minute"
    mock_rpm_window: Literal["10s", "1s"] = "10s"
    mock_429_headers: Literal["payg", "ptu", "none", "day"] = "payg"
    seed: int = Field(0, ge=0, description="Seed of the mock's and the pool's random numbers")
