"""Reads from the local cloud what it did during a run that has ended."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request

from pydantic import JsonValue

from tripcurve.target import Target

__all__ = ["ended_processes", "gateway_counts"]

TIMEOUT_S = 10


def gateway_counts(target: Target) -> dict[str, JsonValue]:
    """Return the numbers of requests that the local cloud counted; empty if it does not answer or is not the target."""
    return _ask(target, "counts")


def ended_processes(target: Target) -> list[str]:
    """Return a sentence about each process of the local cloud that ended unexpectedly; empty for other targets.

    Also empty if the local cloud does not answer.
    """
    found = _ask(target, "health").get("dead")
    return [str(sentence) for sentence in found] if isinstance(found, list) else []


def _ask(target: Target, question: str) -> dict[str, JsonValue]:
    if target.admin_url is None:
        return {}
    context = ssl.create_default_context(cafile=target.ca_file)
    try:
        url = f"{target.admin_url}/{question}"
        with urllib.request.urlopen(url, timeout=TIMEOUT_S, context=context) as answer:  # noqa: S310  # our own https
            content = json.load(answer)
    except urllib.error.HTTPError as error:  # 503: the answer names the processes that ended
        content = _content(error)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _content(error: urllib.error.HTTPError) -> JsonValue:
    try:
        with error:
            content: JsonValue = json.load(error)
    except (OSError, ValueError):
        return None
    return content
