"""A sign-in and a session without I/O, for programs with their own event loop.

`SignIn` accepts bytes and answers, and returns actions. `Engine` does the same for the session that
follows. `TicketRequest` is `MSNPAuth` without I/O: its `exchange()` is a generator
of requests that returns a ticket.
A carrier sends a `Request` and returns a `Response`; `make_transport` returns a built-in carrier.

docs/sans-io.md explains them, and examples/own_loop.py is a driver of forty lines.
"""

from .core.client.actions import (
    Action,
    Connect,
    Done,
    Failed,
    Fetch,
    Prepare,
    Send,
    SignedIn,
)
from .core.client.board import Board
from .core.client.chats import Chats
from .core.client.conversation import Accepted
from .core.client.engine import Engine, Left, SessionState
from .core.client.lists import Lists
from .core.client.memory import Change, Keys, Memory
from .core.client.options import SignInOptions
from .core.client.policies import Policies
from .core.client.presence import Presence
from .core.client.session_actions import (
    Back,
    Consult,
    Drop,
    Dropped,
    Enter,
    Lost,
    Open,
    Over,
    SessionAction,
    Tell,
)
from .core.client.sign_in import SignIn
from .core.client.switchboard import Switchboard
from .core.client.waiting import Outcome, Reply
from .core.tickets.auth import TicketRequest
from .core.tickets.exchange import Exchange, Request, Response
from .core.urls import Address, Url
from .core.wire.lines import LineReader
from .transports import make_async_transport, make_transport

__all__ = [
    "Accepted",
    "Action",
    "Address",
    "Back",
    "Board",
    "Change",
    "Chats",
    "Connect",
    "Consult",
    "Done",
    "Drop",
    "Dropped",
    "Engine",
    "Enter",
    "Exchange",
    "Failed",
    "Fetch",
    "Keys",
    "Left",
    "LineReader",
    "Lists",
    "Lost",
    "Memory",
    "Open",
    "Outcome",
    "Over",
    "Policies",
    "Prepare",
    "Presence",
    "Reply",
    "Request",
    "Response",
    "Send",
    "SessionAction",
    "SessionState",
    "SignIn",
    "SignInOptions",
    "SignedIn",
    "Switchboard",
    "Tell",
    "TicketRequest",
    "Url",
    "make_async_transport",
    "make_transport",
]
