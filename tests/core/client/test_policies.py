"""What is known of the policies of networks."""

from __future__ import annotations

from msnpauth.core.client.policies import Policies
from msnpauth.core.servers import Servers
from msnpauth.core.urls import Url

HERE, THERE = Servers(notification="here:1863"), Servers(notification="there:1863")
RST, OTHER = Url.parse("https://rst.example/RST.srf"), Url.parse("https://rst.example/RST2.srf")


def test_what_was_learned_is_expected() -> None:
    policies = Policies()
    assert policies.expected(HERE, RST) is None
    assert policies.expected(HERE, RST, "MBI") == "MBI"
    policies.learn(HERE, RST, "MBI_KEY")
    assert policies.expected(HERE, RST, "MBI") == "MBI_KEY"
    assert policies.expected(THERE, RST) is policies.expected(HERE, OTHER) is None
    assert repr(policies) == "<Policies of 1>"


def test_what_is_doubted_is_not_expected_until_it_is_learned_again() -> None:
    policies = Policies()
    policies.doubt(HERE, RST)
    assert policies.expected(HERE, RST, "MBI") is None
    policies.learn(HERE, RST, "MBI_KEY")
    assert policies.expected(HERE, RST) == "MBI_KEY"


def test_a_policy_of_any_length_is_not_kept() -> None:
    policies = Policies()
    policies.learn(HERE, RST, "x" * 10_000)
    assert policies.expected(HERE, RST, "MBI") is None


def test_the_networks_that_were_seen_last_are_kept() -> None:
    policies = Policies()
    networks = [Servers(notification=f"ns{number}:1863") for number in range(300)]
    for network in networks:
        policies.learn(network, RST, "MBI")
        policies.learn(networks[0], RST, "MBI_KEY")
    kept = [network for network in networks if policies.expected(network, RST)]
    assert kept == [networks[0], *networks[-255:]]
