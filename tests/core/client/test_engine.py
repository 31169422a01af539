from __future__ import annotations

from typing import Any

import pytest

from msnpauth import Reconnect, SessionState
from msnpauth.core.client.actions import SignedIn
from msnpauth.core.client.connection import PING_INTERVAL
from msnpauth.core.client.conversation import Accepted
from msnpauth.core.client.engine import Engine
from msnpauth.core.client.session_actions import (
    Back,
    Drop,
    Dropped,
    Enter,
    Lost,
    Over,
    SessionAction,
    Tell,
)
from msnpauth.core.errors import (
    CommandRefused,
    ConnectionFailed,
    LocalProtocolError,
    SessionEnded,
    SignInError,
    WrongCredentials,
)
from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Command, Role
from msnpauth.core.wire.dialects import DIALECTS
from msnpauth.core.wire.lines import LineReader
from talk import Talk


def signed_in(trid: int = 5, left: bytes = b"", server: str = "ns") -> SignedIn:
    reader = LineReader(Role.SERVER)
    reader.feed(left)
    ok = Command("USR", trid - 1, ("OK", "a@b", "1", "0"))
    accepted = Accepted("a@b", "A", DIALECTS[12], verified=True, restricted=False, command=ok)
    return SignedIn(accepted, None, {}, Address(server, 1863), trid, (), reader)


def lowest(low: float, _high: float) -> float:
    return low


def engine(policy: Reconnect | None = None, **settings: Any) -> Engine:
    settings.setdefault("uniform", lowest)
    return Engine(signed_in(), now=100.0, reconnect=policy, **settings)


def verbs(commands: list[Command]) -> list[str]:
    return [command.verb for command in commands]


def events(actions: list[SessionAction]) -> list[object]:
    return [action.event if isinstance(action, Tell) else action for action in actions]


def kinds(actions: list[SessionAction]) -> list[str]:
    return [type(event).__name__ for event in events(actions)]


def is_now(session: Engine, state: SessionState) -> bool:
    """Compare the state; mypy believes that a property does not change between two asserts."""
    return session.state is state


def taken(session: Engine) -> list[str]:
    found = []
    while session.has_commands and (command := session.take_command()) is not None:
        found.append(" ".join((command.verb, *command.args)))
    return found


def test_commands_go_to_who_receives() -> None:
    session = Engine(signed_in(left=b"SBS 0 null\r\nNL"), now=100.0)
    assert taken(session) == ["SBS null"]
    assert session.take_command() is None
    session.receive_data(1, b"N NLN x@y\r\n", 101.0)
    assert taken(session) == ["NLN NLN x@y"]
    assert is_now(session, SessionState.ALIVE)


def test_a_challenge_is_answered_by_itself() -> None:
    session = engine()
    session.receive_data(1, b"CHL 0 1\r\n", 101.0)
    assert [session.numbers_to_write(), verbs(session.take_output(1, 101.0))] == [[1], ["QRY"]]
    assert session.numbers_to_write() == []
    assert session.wake_at == 101.0 + PING_INTERVAL
    assert not session.has_commands


def test_a_png_is_due() -> None:
    session = engine()
    assert session.wake_at == 100.0 + PING_INTERVAL
    session.tick(session.wake_at)
    assert verbs(session.take_output(1, session.wake_at)) == ["PNG"]


def test_what_is_sent_leaves_in_its_order() -> None:
    session = engine()
    assert session.send("CHG", ("NLN", "0"), None) == 5
    session.receive_data(1, b"CHL 0 1\r\n", 101.0)
    assert session.send("PNG", (), None) is None
    assert verbs(session.take_output(1, 101.0)) == ["CHG", "QRY", "PNG"]
    assert session.take_output(2, 101.0) == []


def test_a_reply_goes_to_who_asked() -> None:
    session = engine()
    reply = session.request("CHG", ("NLN", "0"), None)
    there = [reply.is_there]
    session.receive_data(1, b"NLN NLN x@y\r\nCHG 5 NLN 0\r\nILN 5 NLN z@y\r\n", 101.0)
    assert [*there, reply.is_there] == [False, True]
    assert reply.result() == Command("CHG", 5, ("NLN", "0"))
    assert taken(session) == ["NLN NLN x@y", "ILN NLN z@y"]
    session.forget(reply)
    session.receive_data(1, b"CHG 5 AWY 0\r\n", 101.0)
    assert taken(session) == ["CHG AWY 0"]


def test_a_reply_that_is_an_error_code() -> None:
    session = engine()
    reply = session.request("CHG", ("FLN",), None)
    session.receive_data(1, b"201 5\r\n", 101.0)
    with pytest.raises(CommandRefused) as first:
        reply.result()
    with pytest.raises(CommandRefused) as second:
        reply.result()
    assert first.value.code == 201
    assert first.value is not second.value


@pytest.mark.parametrize("verb", ["PNG", "OUT"])
def test_what_nothing_answers_by_name(verb: str) -> None:
    with pytest.raises(LocalProtocolError, match="no reply of its own"):
        engine().request(verb, (), None)


def test_a_reply_that_can_no_longer_come() -> None:
    session = engine(Reconnect())
    reply = session.request("CHG", ("NLN", "0"), None)
    session.receive_data(1, b"", 101.0)
    with pytest.raises(ConnectionFailed, match="closed the connection"):
        reply.result()


def test_without_a_policy_a_loss_is_the_end() -> None:
    session = engine()
    session.receive_data(1, b"NLN NLN x@y\r\n", 101.0)
    session.receive_data(1, b"", 102.0)
    assert is_now(session, SessionState.ENDED)
    assert kinds(session.take_actions()) == ["Drop", "Over"]
    assert taken(session) == ["NLN NLN x@y"]
    assert session.wake_at is None
    raised = []
    for _ in range(2):
        with pytest.raises(ConnectionFailed) as error:
            session.take_command()
        raised.append(error.value)
        with pytest.raises(ConnectionFailed):
            session.send("CHG", ("NLN",), None)
    assert raised[0] is not raised[1]
    assert raised[0].text == raised[1].text


def away(policy: Reconnect | None = None, end: bytes = b"", **settings: Any) -> Engine:
    """Return a session that was just lost."""
    session = engine(policy or Reconnect(), **settings)
    session.receive_data(1, end, 200.0)
    assert is_now(session, SessionState.AWAY)
    return session


def test_it_comes_back() -> None:
    session = away(uniform=lambda low, high: high)
    drop, lost = events(session.take_actions())
    assert drop == Drop(1)
    assert isinstance(lost, Lost)
    assert lost.pause == 1.0
    due = [session.wake_at]
    session.tick(200.5)
    assert session.take_actions() == []
    with pytest.raises(ConnectionFailed, match="is away and signs in again by itself"):
        session.send("CHG", ("NLN",), None)
    session.tick(201.0)
    assert session.take_actions() == [Enter(None, 5)]
    assert [*due, session.wake_at] == [201.0, None]
    session.tick(500.0)
    assert session.take_actions() == []
    assert session.entered(signed_in(9, left=b"SBS 0 null\r\n", server="other"), 202.0) == 2
    assert is_now(session, SessionState.ALIVE)
    assert session.connection.server == "other:1863"
    assert events(session.take_actions()) == [Back("other:1863")]
    assert taken(session) == ["USR OK a@b 1 0", "SBS null"]
    assert session.send("CHG", ("NLN",), None) == 9


def test_bytes_of_a_connection_that_was_given_up_are_passed_over() -> None:
    session = away()
    session.tick(200.0)
    assert session.entered(signed_in(9), 202.0) == 2
    taken(session)
    session.receive_data(1, b"NLN NLN x@y\r\n", 203.0)
    session.connection_lost(1, ConnectionFailed("late news"), 203.0)
    assert taken(session) == []
    assert is_now(session, SessionState.ALIVE)
    session.connection_lost(2, ConnectionFailed("news"), 203.0)
    assert is_now(session, SessionState.AWAY)


def test_attempts_fail_with_growing_pauses() -> None:
    session = away(Reconnect(attempts=3, first=2), uniform=lambda low, high: high)
    waited, now = [], 200.0
    for _ in range(3):
        wake_at = session.wake_at
        assert wake_at is not None
        waited.append(wake_at - now)
        now = wake_at
        session.tick(now)
        session.enter_failed(ConnectionFailed("nobody there"), now)
    assert waited == [2, 4, 8]
    assert session.ended is not None
    assert session.ended.text == "nobody there"
    assert session.entered(signed_in(9), 300.0) is None


def test_a_server_that_no_longer_answers_is_left_by_the_clock() -> None:
    session = engine(Reconnect())
    for _ in range(3):
        now = session.wake_at
        assert now is not None
        session.tick(now)
    assert is_now(session, SessionState.AWAY)
    assert session.wake_at == now


def test_a_wrong_password_ends_it() -> None:
    session = away()
    session.tick(200.0)
    session.enter_failed(WrongCredentials("no"), 201.0)
    assert isinstance(session.ended, WrongCredentials)
    with pytest.raises(WrongCredentials):
        session.take_command()


@pytest.mark.parametrize("end", [b"OUT OTH\r\n", b"OUT OTH"])
def test_never_back_after_a_sign_in_elsewhere(end: bytes) -> None:
    session = engine(Reconnect())
    session.receive_data(1, end, 101.0)
    session.receive_data(1, b"", 101.0)
    assert isinstance(session.ended, SessionEnded)
    assert session.ended.reason == "OTH"


def test_a_servers_wish_is_waited_out() -> None:
    assert away(end=b"OUT RCT 6\r\n").wake_at == 200.0 + 360


def test_who_cannot_sign_in_again_does_not_come_back() -> None:
    for end in (b"", b"XFR 0 NS 10.0.0.9:1863\r\n"):
        session = engine(Reconnect(), returns=False)
        session.receive_data(1, end, 200.0)
        assert is_now(session, SessionState.ENDED)


@pytest.mark.parametrize("policy", [None, Reconnect()])
def test_a_move_is_followed_at_once(policy: Reconnect | None) -> None:
    session = engine(policy)
    session.receive_data(1, b"XFR 0 NS 10.0.0.9:1863\r\n", 200.0)
    session.tick(200.0)
    assert kinds(session.take_actions()) == ["Drop", "Lost", "Enter"]
    session.enter_failed(ConnectionFailed("nobody there"), 201.0)
    if policy is None:
        assert session.ended is not None
        assert session.ended.text == "nobody there"
        return
    session.tick(201.0)
    assert events(session.take_actions())[1:] == [Enter(None, 5)]


def test_where_a_move_leads() -> None:
    session = engine()
    session.receive_data(1, b"XFR 0 NS 10.0.0.9:1863\r\n", 200.0)
    session.tick(200.0)
    assert session.take_actions()[-1] == Enter(Address("10.0.0.9", 1863), 5)


def test_close() -> None:
    session = engine(Reconnect())
    session.close()
    assert verbs(session.take_output(1, 101.0)) == ["OUT"]
    assert isinstance(session.ended, SessionEnded)
    assert session.ended.reason == "closed"
    assert kinds(session.take_actions()) == ["Over"]
    session.close()
    assert (session.take_output(1, 101.0), session.take_actions()) == ([], [])


def test_close_while_it_is_away() -> None:
    session = away()
    session.close()
    assert is_now(session, SessionState.ENDED)
    assert session.take_output(1, 201.0) == []
    session.enter_failed(ConnectionFailed("late"), 201.0)
    assert isinstance(session.ended, SessionEnded)


def test_leave() -> None:
    session = engine()
    session.receive_data(1, b"NLN NLN x@y\r\nMSG a b 5\r\nhe", 101.0)
    left = session.leave()
    assert verbs(list(left.pending)) == ["NLN"]
    assert (left.unread, left.next_trid) == (b"MSG a b 5\r\nhe", 5)
    with pytest.raises(SessionEnded) as ended:
        session.leave()
    assert ended.value.reason == "detached"
    assert session.take_output(1, 101.0) == []


def test_nothing_can_be_left_while_it_is_away() -> None:
    with pytest.raises(ConnectionFailed, match="is away"):
        away().leave()


def test_what_nobody_takes_is_dropped_and_told_once() -> None:
    session = engine()
    line = b"MSG a b 1000000\r\n" + bytes(1_000_000)
    for _ in range(9):
        session.receive_data(1, line, 101.0)
    told = [event for event in events(session.take_actions()) if isinstance(event, Dropped)]
    assert told == [Dropped(1)]
    assert session.dropped == 5
    session.take_command()
    for _ in range(2):
        session.receive_data(1, line, 101.0)
    assert kinds(session.take_actions()) == ["Dropped"]
    session.receive_data(1, b"", 102.0)
    over = events(session.take_actions())[-1]
    assert isinstance(over, Over)
    assert over.dropped == 6


def test_who_wants_nothing_keeps_nothing() -> None:
    session = engine(receive=False)
    reply = session.request("CHG", ("NLN", "0"), None)
    session.receive_data(1, b"NLN NLN x@y\r\nCHG 5 NLN 0\r\n", 101.0)
    assert reply.result().verb == "CHG"
    assert (session.has_commands, session.dropped) == (False, 0)
    with pytest.raises(LocalProtocolError, match="receive=False"):
        session.take_command()


def test_commands_that_were_never_written_are_told() -> None:
    session = engine(Reconnect())
    session.send("CHG", ("NLN",), None)
    session.check_written(1)
    session.receive_data(1, b"", 101.0)
    assert session.take_output(1, 101.0) == []
    with pytest.raises(ConnectionFailed):
        session.check_written(1)
    session.check_written(2)


def test_a_fault_of_the_driver_ends_a_connection() -> None:
    session = engine(Reconnect())
    session.crash(ZeroDivisionError("secret words"), 101.0)
    assert is_now(session, SessionState.AWAY)
    lost = events(session.take_actions())[-1]
    assert isinstance(lost, Lost)
    assert "ZeroDivisionError" in lost.error.text
    assert "secret" not in str(lost.error)
    session.crash(ZeroDivisionError(), 102.0)
    assert is_now(session, SessionState.ENDED)


def test_the_first_reason_counts() -> None:
    session = engine()
    session.receive_data(1, b"OUT SSD\r\n", 101.0)
    session.close()
    session.crash(ZeroDivisionError(), 101.0)
    session.connection_lost(1, ConnectionFailed("late"), 101.0)
    assert isinstance(session.ended, SessionEnded)
    assert session.ended.reason == "SSD"


def test_too_late() -> None:
    error: SignInError = engine().too_late("reply to CHG", 0.1)
    assert str(error) == "session at ns:1863: no reply to CHG within 0.1 seconds"


def test_what_the_errors_say() -> None:
    silent = engine(receive=False)
    with pytest.raises(LocalProtocolError) as refused:
        silent.take_command()
    assert str(refused.value) == (
        "this session was signed in with receive=False: it keeps no commands; leave receive=False"
        " out"
    )
    session = away()
    with pytest.raises(ConnectionFailed) as lost:
        session.check_alive()
    assert str(lost.value) == (
        "session at ns:1863: the session is away and signs in again by itself: the server closed the"
        " connection; send it again once session.state is alive"
    )


def test_a_request_carries_its_payload() -> None:
    session = engine()
    session.request("UUX", (), b"<Data/>")
    (command,) = session.take_output(session.connection.number, 100.0)
    assert command.payload == b"<Data/>"


def test_a_failed_write_on_another_connection_has_its_own_reason() -> None:
    session = away(Reconnect(first=0.0))
    session.tick(1000.0)
    session.take_actions()
    late = session.write_failed(session.connection.number + 7, ConnectionFailed("that one"), 1000.0)
    assert late.text == "that one"
    alive = engine()
    alive.receive_data(alive.connection.number, b"OUT OTH\r\n", 100.0)
    first = alive.write_failed(alive.connection.number, ConnectionFailed("broken pipe"), 100.0)
    assert isinstance(first, SessionEnded)


def test_a_connection_that_was_never_made_has_nothing_to_write() -> None:
    talk = Talk()
    talk.opening("a@b")
    talk.hear("XFR 5 SB 10.0.0.1:1864 CKI KEY")
    talk.engine.take_output(1, talk.now)
    talk.engine.open_failed(2, ConnectionFailed("refused"), talk.now)
    assert talk.engine.numbers_to_write() == []
    assert talk.engine.take_output(2, talk.now) == []


def test_a_connection_that_broke_has_nothing_to_write() -> None:
    talk = Talk()
    number = talk.board(talk.opening("a@b"), "a@b")
    board = talk.engine.society.chats._boards[number]
    talk.engine.begin(lambda it: it.chats.typing(board))
    talk.engine.connection_lost(number, ConnectionFailed("gone"), talk.now)
    assert talk.engine.numbers_to_write() == []
