"""The retries of a gateway's policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.gateway_policy import gateway_retries
from tripcurve.errors import BadInput


@pytest.mark.parametrize(
    ("backend", "retries"),
    [
        ('<retry condition="@(true)" count="2" interval="0"><forward-request /></retry>', 2),
        ("<retry condition='@(true)' count='3' interval='0'><forward-request /></retry>", 3),
        ('<retry count="@(context.Variables.Count)" condition="@(true)" interval="0" />', 0),
        ('<!-- <retry count="5" /> --><forward-request />', 0),
        ("<forward-request />", 0),
    ],
)
def test_retries_are_the_count_of_the_first_retry_element(backend: str, retries: int, tmp_path: Path) -> None:
    policy = tmp_path / "policy.xml"
    policy.write_text(f"<policies><backend>{backend}</backend></policies>", "utf-8")
    assert gateway_retries(policy) == retries


def test_a_policy_with_raw_expressions_is_read(tmp_path: Path) -> None:
    policy = tmp_path / "policy.xml"
    policy.write_text('<policies><backend><retry count="4" condition="@(1 < 2)" /></backend></policies>', "utf-8")
    assert gateway_retries(policy) == 4


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"policy\.xml: the policy cannot be read"):
        gateway_retries(tmp_path / "policy.xml")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    policy = tmp_path / "policy.xml"
    policy.write_text("", "utf-8")
    with pytest.raises(BadInput, match="the policy is not XML"):
        gateway_retries(policy)
