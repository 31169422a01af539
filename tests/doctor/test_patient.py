from __future__ import annotations

import threading

from examined import patient
from msnpauth.core.errors import Step
from msnpauth.core.urls import Address, Url
from msnpauth.doctor.patient import PATIENCE, Witness
from msnpauth.observe import Received


def test_each_server_once_with_its_roles() -> None:
    one = patient(host="h.example", login="https://l.example/x")
    assert one.web_places() == {
        "h.example:443": (Address("h.example", 443), ["nexus", "rst", "rst2", "contacts", "oim"]),
        "l.example:443": (Address("l.example", 443), ["login"]),
    }
    assert list(one.places().values()) == [
        (Address("h.example", 1863), Step.NOTIFICATION),
        (Address("h.example", 443), Step.LOGIN),
        (Address("l.example", 443), Step.LOGIN),
    ]


def test_the_login_server_is_named_or_learnt() -> None:
    one = patient(nexus="https://n.example/")
    assert one.login_url is None
    one.login = Url.parse("https://l.example/login")
    assert one.web()["login"] is one.login
    two = patient(login={"example.com": "https://a.example/", "*": "https://b.example/"})
    assert str(two.login_url) == "https://a.example/"


def test_whom_it_talks_to() -> None:
    one = patient(notification="dispatch.example")
    assert one.talking_to == Address("dispatch.example", 1863)
    one.last_server = Address("ns.example", 1863)
    assert one.talking_to == one.last_server
    assert one.can_reach(Url.parse("https://l.example/"))
    one.unreachable.add("l.example:443")
    assert not one.can_reach(Url.parse("https://l.example/x"))


def test_nothing_takes_longer_than_ten_seconds_or_what_is_left() -> None:
    one = patient(notification="n.example")
    assert one.patience().timeout == PATIENCE
    one.deadline.at -= 100
    assert one.is_over
    assert one.patience().timeout == 0.1
    two = patient(notification="n.example")
    two.deadline.at -= two.deadline.timeout - 3.14159
    assert two.patience().timeout == 3.1, "what is said of it is a round number"
    assert not two.is_over


def test_the_networks_own_certificates() -> None:
    assert patient(notification="n.example", ca_file=None).ca_file is None
    assert patient("mine.pem", notification="n.example").ca_file == "mine.pem"


def test_a_witness_waits_for_what_comes() -> None:
    witness = Witness()
    event = Received(at=1.0, server="ns", text="QNG 60")

    def is_qng(seen: object) -> bool:
        return isinstance(seen, Received) and seen.text.startswith("QNG")

    assert not witness.wait_for(is_qng, -1)
    thread = threading.Thread(target=witness, args=(event,))
    thread.start()
    assert witness.wait_for(is_qng, 10)
    thread.join()
    assert witness.events == [event]
