from __future__ import annotations

import pytest

from msnpauth import LocalProtocolError, Status
from msnpauth.core.wire.status import status_named, status_of_code


def test_every_state_has_a_code_of_its_own() -> None:
    codes = [status.code for status in Status]
    assert codes == ["NLN", "BSY", "IDL", "BRB", "AWY", "PHN", "LUN", "HDN", "FLN"]
    assert [status_of_code(code.lower()) for code in codes] == list(Status)
    assert status_of_code("XXX") is None


@pytest.mark.parametrize("word", ["be right back", "Be_Right_Back", " BE RIGHT BACK "])
def test_a_state_by_its_name(word: str) -> None:
    assert status_named(word) is Status.BE_RIGHT_BACK


@pytest.mark.parametrize("word", ["", "offline", Status.OFFLINE, "NLN", None, 5])
def test_what_is_no_state_to_have(word: str) -> None:
    with pytest.raises(LocalProtocolError, match="is no status to have; choose one of online, bu"):
        status_named(word)
