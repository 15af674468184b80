"""The `local:` options with which the local gateway shows the same difference, for each conformance test.

A test that is missing here fails tests/conformance/test_kit.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["REPRODUCTIONS", "Reproduction"]


@dataclass(frozen=True)
class Reproduction:
    """How to see a difference on localhost. Without `options` there is no way, and `why` says so."""

    options: Mapping[str, str | int | bool] = field(default_factory=dict)
    why: str = ""


def by(why: str, **options: str | int | bool) -> Reproduction:
    return Reproduction(options, why)


NONE = Reproduction(why="the local gateway has no option for this; please report the difference")
INSTANCES = by("each of several instances has its own breaker, although the lab has one unit", unit_count_override=4)

REPRODUCTIONS: dict[str, Reproduction] = {
    # breaker
    "test_failures_below_the_count_do_not_trip": by(
        "a reset keeps the failures that are still in the window", counter_after_reset="continues"
    ),
    "test_the_count_trips_and_the_gateway_answers_503_itself": INSTANCES,
    "test_a_success_between_failures_does_not_clear_the_count": by(
        "a success empties the counter", success_clears=True
    ),
    "test_it_stays_open_for_the_trip_duration_and_then_resets": INSTANCES,
    "test_there_is_no_trial_period_after_the_reset": by("trial requests after the open time", half_open_probes=1),
    "test_statuses_outside_the_rule_do_not_count": by(
        "the error reason `Server errors` counts any 5xx", server_errors_alias="any_5xx"
    ),
    "test_retry_after_is_ignored_where_the_rule_does_not_accept_it": NONE,
    # gateway
    "test_a_request_without_key_is_refused": NONE,
    "test_a_wrong_key_is_refused": NONE,
    "test_the_key_is_taken_from_the_query_when_the_header_is_missing": NONE,
    "test_the_header_wins_over_the_query": NONE,
    "test_a_path_of_no_api_is_not_found": NONE,
    "test_an_operation_of_another_method_is_not_found": NONE,
    "test_the_backends_answer_comes_through_and_is_marked": NONE,
    "test_a_backends_own_503_is_told_from_the_gateways": NONE,
    "test_connections_are_kept": NONE,
    # pool
    "test_the_preferred_member_serves_while_it_is_closed": NONE,
    "test_a_retry_moves_to_the_other_member_within_one_request": NONE,
    "test_a_tripped_member_is_skipped_until_its_retry_after_is_over": by(
        "a Retry-After shorter than the trip duration does not replace it",
        retry_after_shorter="max_with_trip_duration",
    ),
    "test_without_retry_after_a_member_is_out_for_the_trip_duration": INSTANCES,
    "test_a_pool_with_nobody_left_answers_503_with_the_soonest_return": by(
        "a Retry-After shorter than the trip duration does not replace it",
        retry_after_shorter="max_with_trip_duration",
    ),
    "test_a_members_own_503_is_retried_and_does_not_trip_a_rule_for_429": NONE,
    # streaming
    "test_the_first_event_arrives_before_the_last_is_produced": NONE,
    "test_a_streams_events_are_a_chat_completion_in_order": NONE,
    "test_a_stream_is_marked_with_its_backend": NONE,
    "test_a_client_that_leaves_a_stream_leaves_the_gateway_well": NONE,
}
