"""Reads the part of a lab's gateway policy that a virtual gateway simulates: its number of retries."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from tripcurve.errors import BadInput

__all__ = ["gateway_retries"]


def gateway_retries(policy: Path) -> int:
    """Return how many further attempts a policy makes inside one request: the count of its first `retry` element.

    0 if it has no such element, or if the count is an expression, whose value is known only at run time. API Management
    accepts unescaped quotes and `<` in expressions, so a document that is not well-formed is parsed as far as possible.
    Raises BadInput for a file that cannot be read or has no element.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, recover=True
    )
    try:
        root = etree.fromstring(policy.read_bytes(), parser)
    except OSError as error:
        raise BadInput(f"{policy}: the policy cannot be read: {error.strerror}") from None
    except etree.XMLSyntaxError as error:
        raise BadInput(f"{policy}: the policy is not XML: {error}") from None
    retry = None if root is None else next(root.iter("retry"), None)
    count = "" if retry is None else retry.get("count", "").strip()
    return int(count) if count.isascii() and count.isdigit() else 0
