"""The policy authentication-managed-identity [D-POL]."""

from __future__ import annotations

import pytest

from provision.local.apim.policies import Pipeline, compile_document
from provision.local.apim.services import PolicyFault
from tests.provision.local.apim.policies.harness import Gateway, policy, run


async def test_managed_identity_sets_the_header_and_the_variable() -> None:
    gateway = Gateway()
    attributes = 'resource="https://r" client-id="c" output-token-variable-name="t"'
    visit = await run(policy(f"<authentication-managed-identity {attributes} />"), gateway=gateway)
    assert visit.request.headers.get("Authorization") == "Bearer the-token"
    assert visit.variables["t"] == "the-token"
    assert gateway.tokens == [("https://r", "c")]


async def test_a_token_had_in_outbound_is_for_the_policies_that_follow() -> None:
    fetch = '<authentication-managed-identity resource="r" output-token-variable-name="t" />'
    copy = '<set-header name="X"><value>@((string)context.Variables["t"])</value></set-header>'
    visit = await run(policy(outbound=fetch + copy))
    assert visit.response is not None
    assert visit.response.headers.get("X") == "the-token"
    assert visit.response.headers.get("Authorization") is None


async def test_a_resource_may_be_read_from_the_body() -> None:
    body = "@(context.Request.Body.As&lt;string&gt;(true))"
    identity = f'<authentication-managed-identity resource="{body}" />'
    url = "<set-url>http://x/</set-url>"
    for text in (identity, f'<send-request response-variable-name="r">{url}{identity}</send-request>'):
        assert "request.body" in Pipeline([compile_document(policy(text))]).reads


@pytest.mark.parametrize(("ignore", "status"), [("false", 500), ("true", 200)])
async def test_a_token_that_cannot_be_had_is_a_fault_unless_ignored(ignore: str, status: int) -> None:
    gateway = Gateway()
    gateway.token_fault = PolicyFault("", "TokenUnavailable", "no identity")
    visit = await run(
        policy(f'<authentication-managed-identity resource="r" ignore-error="{ignore}" />'), gateway=gateway
    )
    assert visit.response is not None
    assert visit.response.status_code == status
    assert "Authorization" not in visit.request.headers
