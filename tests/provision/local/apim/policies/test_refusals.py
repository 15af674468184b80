"""What is refused when a document is stored, and in which words."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.local.apim.policies import PolicyError, check_fragment, compile_document
from provision.local.apim.policies.reading import MAX_DOCUMENT_BYTES
from tests.provision.local.apim.policies.harness import faults, policy

SEND = '<send-request response-variable-name="r"><set-url>http://x/</set-url></send-request>'

REFUSED = [
    ("backend section allows only one policy", policy(backend="<base /><forward-request />")),
    ("The policy is not allowed in section 'outbound'", policy(outbound='<rewrite-uri template="/x" />')),
    (
        "The policy is not allowed in section 'on-error'",
        policy(on_error='<authentication-managed-identity resource="r" />'),
    ),
    ("The policy is not allowed in section 'inbound'", policy("<forward-request />")),
    ("The policy 'teleport' does not exist", policy("<teleport />")),
    ("The policy 'jsonp' cannot run on the local gateway", policy(outbound='<jsonp callback-parameter-name="c" />')),
    ("The 'nmae' attribute is not declared", policy('<set-header nmae="x"><value>1</value></set-header>')),
    ("The required attribute 'name' is missing", policy("<set-header><value>1</value></set-header>")),
    ("is not one of override, skip, append, delete", policy('<set-header name="x" exists-action="replace" />')),
    ("cannot be changed by a policy", policy('<set-header name="Content-Length"><value>1</value></set-header>')),
    ("'a b' is not a valid header name", policy('<set-header name="a b"><value>1</value></set-header>')),
    ("has invalid child element 'val'", policy('<set-header name="x"><val>1</val></set-header>')),
    ("cannot contain text", policy("<choose>text</choose>")),
    ("List of possible elements expected: 'when'", policy("<choose><otherwise /></choose>")),
    ("Exactly one of 'base-url' and 'backend-id'", policy("<set-backend-service />")),
    ("Exactly one of", policy('<set-backend-service base-url="http://x" backend-id="y" />')),
    ("'proxy' inside 'send-request' cannot run", policy(
        '<send-request response-variable-name="r"><set-url>http://x/</set-url><proxy url="http://p" /></send-request>'
    )),
    ("'decryption-keys' inside 'validate-jwt' cannot run", policy(
        '<validate-jwt header-name="a"><decryption-keys><key>a</key></decryption-keys></validate-jwt>'
    )),
    ("'certificate-id' cannot run", policy(
        '<validate-jwt header-name="a"><issuer-signing-keys><key certificate-id="c" /></issuer-signing-keys>'
        "</validate-jwt>"
    )),
    ("'sf-replica-type' cannot run", policy('<set-backend-service backend-id="y" sf-replica-type="p" />')),
    ("at most 50", policy(backend='<retry condition="true" count="51" interval="1"><forward-request /></retry>')),
    ("'many' is not a number", policy('<set-status code="many" reason="x" />')),
    ("not allowed in attribute 'name'", policy('<set-variable name="@(1)" value="1" />')),
    (
        "not allowed in attribute 'client-id'",
        policy('<authentication-managed-identity resource="r" client-id="@(1)" />'),
    ),
    ("at least 100", policy('<set-status code="42" reason="x" />')),
    ("At least one of 'calls'", policy('<quota-by-key counter-key="k" renewal-period="300" />')),
    ("0 or at least 300", policy('<quota-by-key counter-key="k" calls="1" renewal-period="299" />')),
    ("At least one of 'tokens-per", policy('<llm-token-limit counter-key="k" estimate-prompt-tokens="true" />')),
    ("only once", policy(2 * '<cors><allowed-origins><origin>*</origin></allowed-origins></cors>')),
    ("may hold only", policy("<wait><set-method>GET</set-method></wait>")),
    ("'set-url' must be specified", policy('<send-request response-variable-name="r" />')),
    ("needs a value", policy('<emit-metric name="m"><dimension name="Colour" /></emit-metric>')),
    ("must be base64", policy(
        '<validate-jwt header-name="a"><issuer-signing-keys><key>%</key></issuer-signing-keys></validate-jwt>'
    )),
    ("expected tag endif", policy(outbound='<set-body template="liquid">{% if body %}</set-body>')),
    ("unexpected tag 'render'", policy(outbound='<set-body template="liquid">{% render "a" %}</set-body>')),
    ("Liquid filter 'md5'", policy(outbound='<set-body template="liquid">{{ body | md5 }}</set-body>')),
    ("Not an IP address", policy('<ip-filter action="allow"><address>here</address></ip-filter>')),
    ("Cannot find a property 'secret'", policy('<set-variable name="x" value="{{secret}}" />')),
    ("The policy fragment 'f' does not exist", policy('<include-fragment fragment-id="f" />')),
    ("has invalid child element 'sidebound'", "<policies><sidebound /></policies>"),
    ("may stand only once", "<policies><inbound /><inbound /></policies>"),
    ("The root element must be 'policies'", "<fragment />"),
    ("never closed", policy('<set-variable name="x" value="@(1" />')),
    ("in the policy expression", policy('<set-variable name="x" value="@(1 +)" />')),
]  # fmt: skip


@pytest.mark.parametrize(("words", "text"), REFUSED, ids=[words for words, _ in REFUSED])
def test_a_document_that_cannot_run_is_refused_with_its_reason(words: str, text: str) -> None:
    assert words in "; ".join(faults(text))


def test_a_fault_names_the_element_its_line_and_its_column() -> None:
    text = "<policies>\n  <inbound>\n    <teleport />\n  </inbound>\n</policies>"
    with pytest.raises(PolicyError) as refused:
        compile_document(text)
    (fault,) = refused.value.faults
    assert (fault.target, fault.line, fault.column) == ("teleport", 3, 6)
    assert fault.message.startswith("Error in element 'teleport' on line 3, column 6: ")


def test_positions_after_an_unescaped_expression_are_the_authors() -> None:
    text = (
        '<policies><inbound>\n<set-variable name="x" value="@{ if (1 < 2 && "a" != ">") {\n return 1; '
        '}\n return 2; }" /><nope />'
    )
    with pytest.raises(PolicyError) as refused:
        compile_document(f"{text}</inbound></policies>", format="rawxml")
    (fault,) = refused.value.faults
    assert (fault.line, fault.column) == (4, 18)


def test_two_policies_in_backend_are_refused_in_arms_words() -> None:
    text = "<policies><backend>\n<base /><forward-request /></backend></policies>"
    assert faults(text) == [
        "Error in element 'backend' on line 1, column 12: backend section allows only one policy to be specified"
    ]


def test_every_fault_of_a_document_is_told_at_once() -> None:
    assert len(faults(policy("<one />", outbound="<two /><three />"))) == 3


def test_children_of_validate_jwt_must_stand_in_order() -> None:
    children = "<audiences><audience>a</audience></audiences><openid-config url='http://x/' />"
    (message,) = faults(policy(f'<validate-jwt header-name="Authorization">{children}</validate-jwt>'))
    assert "'validate-jwt'" in message
    assert "has invalid child element 'openid-config'" in message
    assert "expected: 'audiences, issuers, required-claims'" in message


def test_rate_limit_is_refused_at_global_scope_and_quota_outside_products() -> None:
    limit = '<rate-limit calls="1" renewal-period="1" />'
    quota = '<quota calls="1" renewal-period="300" />'
    assert faults(policy(limit), scope="api") == []
    assert "global scope" in faults(policy(limit), scope="global")[0]
    assert faults(policy(quota), scope="product") == []
    assert "product scope" in faults(policy(quota), scope="api")[0]


def test_escaped_operators_are_for_xml_and_plain_ones_for_rawxml() -> None:
    plain = policy('<choose><when condition="@(1 < 2 && 2 > 1)"><set-method>GET</set-method></when></choose>')
    escaped = plain.replace("1 < 2 && 2", "1 &lt; 2 &amp;&amp; 2")
    assert faults(plain, "rawxml") == []
    assert faults(plain, "xml") != []
    assert faults(escaped, "xml") == []
    assert faults(escaped, "rawxml") == []


HOSTILE = {
    "entities": '<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><policies>&b;</policies>',
    "external entity": '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><policies>&x;</policies>',
    "parameter entity": '<!DOCTYPE p SYSTEM "http://localhost:1/x.dtd"><policies />',
    "undefined entity": "<policies>&nbsp;</policies>",
    "processing instruction": '<?xml-stylesheet href="x"?><policies />',
    "10 MB": "<policies>" + " " * 10_000_000 + "</policies>",
    "too deep": policy("<choose>" * 5000),
    "deep and closed": policy('<choose><when condition="true">' * 40 + "</when></choose>" * 40),
    "many elements": policy("<a />" * 20_000),
    "unclosed comments": "<policies>" + "<!--" * 60_000,
    "unclosed expressions": policy('<set-body>@(/*' + "/*" * 100_000),
    "nested interpolation": policy("<set-body>@(" + '$"{' * 60_000),
    "brackets": policy("<set-body>@(" + "(" * 200_000),
    "backslashes": policy("<set-body>@(&quot;" + "\\" * 200_000),
    "liquid": policy(outbound='<set-body template="liquid">' + "{{" * 120_000 + "</set-body>"),
    "lone surrogate": "<policies>\ud800</policies>",
    "control character": "<policies>\x01</policies>",
    "nothing": "",
    "marks of our own": "<policies>\ue000\ue002</policies>",
}  # fmt: skip


@pytest.mark.parametrize("format", ["xml", "rawxml"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_documents_are_refused_at_once(text: str, format: str) -> None:
    began = time.process_time()
    assert faults(text, format)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("before", ['<?xml version="1.0" encoding="utf-16"?>', "\ufeff", "<!-- <policies> -->\n"])
def test_declarations_marks_and_comments_before_the_root_are_fine(before: str) -> None:
    assert faults(f"{before}<policies><inbound /></policies>") == []


def test_a_document_over_the_limit_is_refused_by_its_bytes() -> None:
    room = MAX_DOCUMENT_BYTES - len("<policies></policies>")
    assert faults(f"<policies>{' ' * room}</policies>") == []
    assert "larger than" in faults(f"<policies>{' ' * room} </policies>")[0]


def test_fragments_that_include_themselves_or_multiply_are_refused() -> None:
    loop = {"f": {"format": "xml", "value": '<fragment><include-fragment fragment-id="f" /></fragment>'}}
    inner = "<fragment>{}</fragment>"
    many = {
        f"f{level}": {"format": "xml", "value": inner.format(f'<include-fragment fragment-id="f{level + 1}" />' * 50)}
        for level in range(4)
    } | {"f4": {"format": "xml", "value": "<fragment />"}}
    for name, fragments in (("f", loop), ("f0", many)):
        with pytest.raises(PolicyError, match=r"includes itself|are included"):
            compile_document(policy(f'<include-fragment fragment-id="{name}" />'), fragments=fragments)


def test_named_values_cannot_blow_a_document_up() -> None:
    text = policy(f'<set-variable name="x" value="{"{{v}}" * 10_000}" />')
    with pytest.raises(PolicyError, match="longer than"):
        compile_document(text, named_values={"v": "x" * 4096})


def test_a_fragment_is_checked_on_its_own() -> None:
    check_fragment('<fragment><rewrite-uri template="/x" /><set-method>GET</set-method></fragment>')
    with pytest.raises(PolicyError, match="does not exist"):
        check_fragment("<fragment><nope /></fragment>")


@given(st.text(max_size=300), st.sampled_from(["xml", "rawxml"]))
def test_no_text_does_anything_but_compile_or_be_refused(text: str, format: str) -> None:
    faults(text, format)


PIECES = st.sampled_from(
    ["<inbound>", "</inbound>", "<policies>", "</policies>", "@(", "@{", ")", "}", '"', "'", "&quot;", "<", ">", "&",
     "<set-body>", "</set-body>", '<set-header name="a">', "</set-header>", "<value>", "</value>", "<!--", "-->",
     "<![CDATA[", "]]>", '$"', "{", '<when condition="', '" />', "x", "\n", "//", "/*", "*/", "{{a}}"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=60).map("".join), st.sampled_from(["xml", "rawxml"]))
def test_no_jumble_of_policy_parts_does_anything_but_compile_or_be_refused(text: str, format: str) -> None:
    faults(text, format)
    faults(f"<policies><inbound>{text}</inbound></policies>", format)
