from __future__ import annotations

import pytest

from pasted import one

_S = 'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'


def test_a_request_by_rst() -> None:
    found = one(
        f"<s:Envelope {_S}><s:Header><Security><UsernameToken><Username>a@b.example</Username>"
        "<Password>geheim, und lang genug</Password></UsernameToken></Security></s:Header><s:Body>"
        "<RequestSecurityToken><AppliesTo><Address>messengerclear.live.com</Address></AppliesTo>"
        '<PolicyReference URI="MBI_KEY_OLD"/></RequestSecurityToken></s:Body></s:Envelope>'
    )
    assert found.kind == "a request by RST"
    assert found.problems == ("official clients cut passwords after 16 characters",)
    assert "geheim" not in str(found)
    assert "policy MBI_KEY_OLD" in str(found)


def test_an_answer_by_rst() -> None:
    token = (
        "<RequestSecurityTokenResponse><AppliesTo><Address>{}</Address></AppliesTo>"
        '<BinarySecurityToken Id="Compact1">t=gehei&amp;p=m</BinarySecurityToken>'
        "<BinarySecret>gehei</BinarySecret><Lifetime><Expires>2030-01-01T00:00:00Z</Expires>"
        "</Lifetime></RequestSecurityTokenResponse>"
    )
    inner = token.format("messengerclear.live.com") + "\n" + token.format("contacts.msn.com")
    found = one(f"<s:Envelope {_S}><s:Body>{inner}</s:Body></s:Envelope>")
    assert found.kind == "an answer by RST"
    assert found.problems == ("white space between the answers, at which libpurple crashes",)
    assert "gehei" not in str(found)
    assert "2030-01-01" in str(found)


def test_a_fault() -> None:
    inner = (
        "<s:Fault><faultcode>wsse:FailedAuthentication</faultcode><detail><value>0x80048821</value>"
        "<value>0x80041234</value></detail></s:Fault>"
    )
    found = one(f"<s:Envelope {_S}><s:Body>{inner}</s:Body></s:Envelope>")
    assert found.kind == "a refusal by SOAP"
    assert "the address or the password was refused" in str(found)
    assert "within Body" in found.problems[0]
    assert one(f"<s:Envelope {_S}>{inner}</s:Envelope>").problems == ()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<html/>", "XML: html"),
        ("<broken", "XML"),
        (
            f"<s:Envelope {_S}><s:Body><ABFindAll/></s:Body></s:Envelope>",
            "an envelope of SOAP: ABFindAll",
        ),
        (f"<s:Envelope {_S}/>", "an envelope of SOAP: nothing"),
    ],
)
def test_other_xml(text: str, kind: str) -> None:
    assert one(text).kind == kind


def test_a_request_with_its_headers() -> None:
    found = one(f"POST /RST.srf HTTP/1.1\r\nHost: x\r\n\r\n<s:Envelope {_S}/>")
    assert found.kind == "an envelope of SOAP: nothing"
