"""Finds problems of the run itself, such as a lost target, which matter more than its observations of the rule."""

from __future__ import annotations

import pandas as pd

from reports.loading.run import Run
from tripcurve.run.info import RunInfo
from tripcurve.run.summary import Problem

__all__ = ["broken_answers", "find_problems"]

NS = 1_000_000_000
LOST_S, LOST_REQUESTS = 1.0, 5
"""The target is lost if the run ends with at least this many seconds and requests without any response."""
MOST_BROKEN = MOST_UNSENT = 0.05
"""The largest share of requests without a complete response, and of unsent arrivals, in a valid measurement."""


def find_problems(run: Run) -> list[Problem]:
    """Return the problems of a run, the most serious first."""
    checks = (_target_lost, _not_recorded, _key_refused, _broken, _not_delivered, _workers, _cut)
    return [problem for check in checks for problem in check(run)]


def broken_answers(run: Run) -> int:
    """Return how many 2xx answers were cut short or were not completions."""
    kinds = run.tally.kinds
    return int(kinds.loc[_is_broken(run), "n"].sum()) if len(kinds) else 0


def _target_lost(run: Run) -> list[Problem]:
    tally, ended = run.tally, run.info.ended
    silent_s = (tally.silent_to_ns - tally.silent_since_ns) / NS
    lost = not run.info.interrupted and tally.silent >= LOST_REQUESTS and silent_s >= LOST_S
    if lost:
        since_s = (tally.silent_since_ns - run.start_ns) / NS
        when = f"from {since_s:.1f} s on" if tally.silent < tally.total else "from the start"
        return [Problem(kind="target lost", text=f"{when}, none of {tally.silent:,} requests got a response")]
    if ended is not None and ended.kind == "target lost":
        return [Problem(kind="target lost", text=_clause(ended.reason) or "the target went away during the run")]
    return []


def _not_recorded(run: Run) -> list[Problem]:
    ended = run.info.ended
    if ended is not None and ended.kind in ("not recorded", "failed"):
        default = "the run could not be recorded" if ended.kind == "not recorded" else "the traffic failed"
        return [Problem(kind="not recorded", text=_clause(ended.reason) or default)]
    if run.info == RunInfo.of_killed_run():
        return [Problem(kind="not recorded", text="the run was killed, so how it ended was not recorded")]
    return []


def _key_refused(run: Run) -> list[Problem]:
    """Report 401s of the gateway, which are no sheds: the key was valid when the traffic began."""
    kinds = run.tally.kinds
    if not len(kinds):
        return []
    refused = kinds[(kinds["status"] == 401) & (kinds["origin"] != "backend") & (kinds["outcome"] == "other error")]
    count, total = int(refused["n"].sum()), run.tally.total
    if count <= MOST_BROKEN * total:
        return []
    since_s = (int(refused["first_ns"].min()) - run.start_ns) / NS
    text = (
        f"from {since_s:.1f} s on, the gateway refused the key of {count:,} of {total:,} requests (401), because it "
        "was changed or revoked; `tripcurve up` fetches the new one"
    )
    return [Problem(kind="key refused", text=text)]


def _broken(run: Run) -> list[Problem]:
    """Report requests without a response or with a broken 2xx, except in phases in which the scenario drops answers."""
    kinds = run.tally.kinds
    if run.info.interrupted or not len(kinds):
        return []
    drops = [phase.name for phase in run.scenario.phases if any(one.drop for one in (phase.simulate or {}).values())]
    counted = ~kinds["phase"].isin(drops)
    total = int(kinds.loc[counted, "n"].sum())
    silent = int(kinds.loc[counted & (kinds["outcome"] == "no response"), "n"].sum())
    broken = int(kinds.loc[counted & _is_broken(run), "n"].sum())
    if silent + broken <= MOST_BROKEN * total:
        return []
    parts = [f"{silent:,} got no response"] if silent else []
    parts += [f"{broken:,} got a 2xx whose content was broken"] if broken else []
    text = f"of {total:,} requests {' and '.join(parts)}"
    return [Problem(kind="broken answers", text=text)]


def _is_broken(run: Run) -> pd.Series[bool]:
    kinds = run.tally.kinds
    return kinds["status"].between(200, 299) & (kinds["outcome"] == "other error")


def _not_delivered(run: Run) -> list[Problem]:
    pacing = run.info.pacing
    if run.info.interrupted or pacing is None or not pacing.intended or pacing.sent is None:
        return []
    # A worker that died did not report its last counts, but its rows are in the record.
    sent = max(pacing.sent, min(run.tally.total, pacing.intended)) if pacing.untold else pacing.sent
    unsent = pacing.intended - sent
    if unsent <= MOST_UNSENT * pacing.intended:
        return []
    share = unsent / pacing.intended
    text = f"{unsent:,} of {pacing.intended:,} arrivals were never sent ({share:.0%} of the load)"
    return [Problem(kind="load not delivered", text=text)]


def _workers(run: Run) -> list[Problem]:
    lost = [str(worker.worker) for worker in run.info.workers or [] if worker.lost]
    if not lost:
        return []
    who = f"worker {lost[0]}" if len(lost) == 1 else f"workers {', '.join(lost[:-1])} and {lost[-1]}"
    return [Problem(kind="workers lost", text=f"{who} died during the run")]


def _cut(run: Run) -> list[Problem]:
    if not run.info.interrupted:
        return []
    return [Problem(kind="interrupted", text="the run was cut short")]


def _clause(sentence: str | None) -> str | None:
    """Return a sentence without its full stop, so that a clause can follow."""
    return None if not sentence else sentence.strip().rstrip(".")
