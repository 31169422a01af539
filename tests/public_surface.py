"""What a user may write, and what a type checker must refuse. Nobody runs it: mypy and pyright read it.

Each line that is wrong says which complaint it expects. A complaint that does not come is one, too:
both are told to report comments that are not needed.
"""

from __future__ import annotations

import msnpauth
from msnpauth import MSNPAuth, Options, Servers, Session, aio, observe, sansio, sign_in

SERVERS = Servers.named("escargot")


def heard(event: observe.Event) -> None:
    match event:
        case observe.Fetched(status=status, seconds=seconds):
            print(status, seconds)
        case observe.Failed(error=error):
            print(error.hint)
        case _:
            print(event.at)


def in_threads() -> None:
    key: str = MSNPAuth("bob@hotmail.com", "secret", "lc=1", observer=heard).get_key()
    options: Options = {"timeout": 5.0, "reconnect": True, "cache": msnpauth.MemoryTicketCache()}
    with sign_in("alice@example.com", key, SERVERS, **options) as session:
        used(session)
    sign_in("a@b.example", "x", SERVERS, time_out=5)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    sign_in("a@b.example", "x", SERVERS, timeout="5")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    sign_in("a@b.example", "x", "h")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def used(session: Session) -> None:
    trid: int | None = session.send("CHG", "NLN", "0")
    command: msnpauth.Command = session.request("CHG", "NLN", "0", timeout=1.0)
    print(trid, command.verb, session.state is msnpauth.SessionState.ALIVE)


async def on_asyncio() -> None:
    async with aio.sign_in("alice@example.com", "secret", SERVERS, pipeline=False) as session:
        async for command in session:
            print(command.verb)
    print(await aio.MSNPAuth("bob@hotmail.com", "secret", "lc=1").get_key())


def in_a_test(servers: Servers) -> None:
    with msnpauth.service.run({"alice@example.com": "secret"}) as service:
        in_a_test(service.servers)
    with msnpauth.testing.run(msnpauth.testing.ACCOUNTS) as service:
        in_a_test(service.servers)


def misspelt() -> None:
    from msnpauth import sing_in  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]

    sing_in()


def without_io(driver: sansio.SignIn) -> list[sansio.Action]:
    msnpauth.sing_in  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] # noqa: B018
    aio.sing_in  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] # noqa: B018
    return driver.receive_data(b"")


def companions(session: Session) -> None:
    session.go_online("busy", name="Alice", personal_message="hi")
    session.set_status(msnpauth.Status.AWAY)
    names: list[str] = [contact.name for contact in session.contacts()]
    session.send_message(["bob@example.com", *names], "Hello", colour="#ff0000", bold=True)
    session.send_message("bob@example.com", "Hello", color="#ff0000")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    chat: msnpauth.Chat = session.open_chat("bob@example.com", timeout=5)
    chat.send("Hello", font="Arial")
    for event in session.events():
        match event:
            case msnpauth.MessageReceived(chat, sender, text):
                chat.send(f"{sender} said {text}")
            case msnpauth.ContactRequest(passport):
                session.allow(passport)
            case msnpauth.ContactChanged(contact, before):
                print(contact.status, before.groups, contact.lists)
            case msnpauth.ChatClosed(_, error):
                print(error.hint)
            case _:
                pass


async def companions_awaited() -> None:
    async with aio.sign_in("alice@example.com", "secret", SERVERS) as session:
        await session.go_online()
        async for event in session.events():
            match event:
                case msnpauth.MessageReceived(chat, _, text):
                    await chat.send(text)
                case msnpauth.ChatOpened(chat, _):
                    print(chat.members)
                case msnpauth.SignedInElsewhere(error):
                    print(error.reason)
                case _:
                    pass


def a_network() -> None:
    bob = msnpauth.service.Account("bob@example.com", "secret", contacts={"Friends": ()})
    with msnpauth.service.run([bob], chat_limit=None) as network:
        network.send_message("alice@example.com", "bob@example.com", "hi")
        network.faults.refuse("CAL", 217, times=2)
        print(network.said("bob@example.com"), network.drop_chats())
