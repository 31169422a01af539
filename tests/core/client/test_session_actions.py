"""What a session asks of whoever drives it, and what of it may be printed."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

from msnpauth import Secret
from msnpauth.core.client import session_actions
from msnpauth.core.client.session_actions import Consult, Drop, Enter, Open, SessionAction, Tell
from msnpauth.core.urls import Address


def test_a_driver_may_print_what_it_is_asked_for() -> None:
    """A consultation has a ticket in it, and drivers log what they do."""

    def make(*_: Any) -> Any:
        raise AssertionError("nobody asked for it")

    consult = Consult(2, make, "contacts.msn.com", Secret("t=53*hidden&p="))
    assert "contacts.msn.com" in repr(consult)
    assert "hidden" not in f"{consult!r}{consult}"


def test_every_action_is_one_that_a_driver_knows() -> None:
    """What is told in a `Tell` is news, and nothing to be done."""
    assert set(get_args(SessionAction)) == {Open, Drop, Enter, Consult, Tell}
    told = get_args(get_type_hints(Tell)["event"])
    named = {getattr(session_actions, name) for name in session_actions.__all__}
    assert named - {SessionAction} == {*get_args(SessionAction), *told}


def test_a_driver_reads_them_by_position() -> None:
    match Open(2, Address("sb", 1864)), Drop(3), Enter(None, 21):
        case Open(number, Address(host, port)), Drop(other), Enter(None, first_trid):
            assert (number, host, port, other, first_trid) == (2, "sb", 1864, 3, 21)
        case found:
            raise AssertionError(found)
