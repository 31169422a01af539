"""Every finding is played: by the library in both drivers, and by the command; whole lines compared."""

from __future__ import annotations

from typing import Any

import pytest

from both import AioDriver, SyncDriver
from broken import STAGES, Broken
from command import invoke
from conftest import Authority
from msnpauth import Servers, SignInError
from msnpauth.cli.hints import translate
from msnpauth.core.findings import SECTIONS, section_of

# What no sign-in comes to: sessions, arguments, and what only the doctor sees.
OTHERS = {section.code for section in SECTIONS} - STAGES.keys()


def line(broken: Broken, code: str) -> tuple[str, str]:
    """Return what the error says, and its hint."""
    section = section_of(code)
    says = (broken.says or section.says).format(**broken.facts)
    if broken.code is not None:
        says = f"{says} ({broken.code})"
    hint = (broken.hint or section.hint).format(**broken.facts)
    return (f"{broken.at}: {says}" if broken.at else says), hint


def sign_in(driver: Any, broken: Broken) -> None:
    with driver:
        servers = Servers.named(broken.service) if broken.service else Servers(**broken.where)
        options = {"timeout": 20, **broken.options}
        with driver.sign_in(broken.passport, broken.password, servers, **options):
            raise AssertionError("it is signed in")


@pytest.mark.parametrize("code", STAGES)
@pytest.mark.parametrize("kind", [SyncDriver, AioDriver])
def test_in_the_library(
    code: str, kind: type, monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    with STAGES[code](monkeypatch, authority) as broken:
        with pytest.raises(SignInError) as caught:
            sign_in(kind(), broken)
        says, hint = line(broken, code)
    assert str(caught.value) == (f"{says}; {hint}" if hint else says)
    assert caught.value.finding == code
    assert caught.value.explain() == section_of(code).text()


@pytest.mark.parametrize("code", STAGES)
def test_by_the_command(code: str, monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    with STAGES[code](monkeypatch, authority) as broken:
        arguments = ["--service", broken.service] if broken.service else []
        for name, value in broken.where.items():
            arguments += [f"--{name}", value]
        for name, value in broken.options.items():
            values = value if isinstance(value, list) else [value]
            option = {"dialects": "dialect", "ca_file": "ca-file"}.get(name, name)
            for one in values:
                arguments += [f"--{option}", str(one)]
        done = invoke("sign-in", broken.passport, *arguments, password=broken.password)
        says, hint = line(broken, code)
    told = f"{says}; {translate(hint)}" if hint else says
    assert done.stderr.splitlines() == [f"msnpauth: {told}"]
    assert done.exit_code in (1, 2, 3)


def test_codes_are_in_order_and_explained() -> None:
    codes = [section.code for section in SECTIONS]
    assert len(set(codes)) == len(codes)
    for section in SECTIONS:
        assert section.title
        assert section.recognised.endswith(".")
        assert section.advice.endswith(".")
