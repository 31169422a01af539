"""Metrics for Prometheus, with the names that docs/operating.md explains."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

__all__ = ["Metrics"]

# A check by argon2id takes 20 ms by design, and a guess waits 15 s at most.
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)


class Metrics:
    """The counters of one service.

    Attributes:
        passwords_right: passwords that were right, by scheme.
        sign_ins: sessions that began, by scheme.
        refused: passwords and tickets that were refused, by scheme.
        password_seconds: the duration of password checks with the wait for a thread, in seconds.
        verified: answers of /verify, by outcome.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.passwords_right = self._counter("passwords_right", "Passwords that were right")
        self.sign_ins = self._counter("sign_ins", "Sessions that began")
        self.refused = self._counter("refused", "Passwords and tickets that were refused")
        self.verified = self._counter("verified", "Tickets that /verify was asked about", "outcome")
        self.password_seconds = Histogram(
            "msnpauth_password_seconds",
            "Seconds that a password took to be checked",
            buckets=_SECONDS,
            registry=self._registry,
        )

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Add a metric whose value is read by a function, such as the number of sessions."""
        Gauge(f"msnpauth_{name}", text, registry=self._registry).set_function(value)

    def page(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)

    def _counter(self, name: str, text: str, label: str = "scheme") -> Counter:
        return Counter(f"msnpauth_{name}", text, [label], registry=self._registry)
