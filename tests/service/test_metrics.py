"""The numbers of one service, as Prometheus reads them and as docs/operating.md explains them."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from msnpauth.service.metrics import Metrics

OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"


def families(metrics: Metrics) -> dict[str, Metric]:
    return {one.name: one for one in text_string_to_metric_families(metrics.page().decode())}


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    found = [
        sample.value
        for family in families(metrics).values()
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    return found[0] if found else None


def test_each_counter_counts_by_its_own_label() -> None:
    metrics = Metrics()
    for counter, label, name in (
        (metrics.passwords_right, "scheme", "passwords_right"),
        (metrics.sign_ins, "scheme", "sign_ins"),
        (metrics.refused, "scheme", "refused"),
        (metrics.verified, "outcome", "verified"),
    ):
        assert value(metrics, f"msnpauth_{name}_total", **{label: "SSO"}) is None
        counter.labels("SSO").inc()
        counter.labels("TWN").inc(2)
        assert value(metrics, f"msnpauth_{name}_total", **{label: "SSO"}) == 1
        assert value(metrics, f"msnpauth_{name}_total", **{label: "TWN"}) == 2


def test_a_number_of_somebody_else_s_is_asked_for_when_the_page_is() -> None:
    metrics, online = Metrics(), [3.0]
    metrics.watch("sessions", "Sessions", lambda: online[0])
    assert value(metrics, "msnpauth_sessions") == 3
    online[0] = 0.0
    assert value(metrics, "msnpauth_sessions") == 0
    assert families(metrics)["msnpauth_sessions"].type == "gauge"


def test_how_long_a_password_takes_is_told_between_10_ms_and_15_seconds() -> None:
    """An argon2id takes 20 ms by design, and a guess waits 15 s at most."""
    metrics = Metrics()
    for seconds in (0.02, 0.02, 14.9, 60.0):
        metrics.password_seconds.observe(seconds)
    name = "msnpauth_password_seconds"
    assert [
        value(metrics, f"{name}_bucket", le=le) for le in ("0.01", "0.025", "15.0", "+Inf")
    ] == [
        *(0, 2, 3, 4),
    ]
    assert value(metrics, f"{name}_count") == 4
    assert value(metrics, f"{name}_sum") == 74.94


def test_two_services_in_one_process_count_for_themselves() -> None:
    one, other = Metrics(), Metrics()
    one.sign_ins.labels("SSO").inc()
    one.watch("sessions", "Sessions", lambda: 1)
    other.watch("sessions", "Sessions", lambda: 2)
    assert value(other, "msnpauth_sign_ins_total", scheme="SSO") is None
    assert (value(one, "msnpauth_sessions"), value(other, "msnpauth_sessions")) == (1, 2)


def test_every_name_is_in_the_manual() -> None:
    metrics = Metrics()
    for counter in (metrics.passwords_right, metrics.sign_ins, metrics.refused, metrics.verified):
        counter.labels("x").inc()
    rows = re.findall(
        r"^\| `(msnpauth_\w+?)(?:_total)?(?:\{(\w+)\})?` \| (\w+)",
        OPERATING.read_text("utf-8"),
        re.MULTILINE,
    )
    manual = {name: (kind, label) for name, label, kind in rows}
    ours = {
        name: one
        for name, one in families(metrics).items()
        if re.match("msnpauth_.*(?<!_created)$", name)
    }
    assert len(ours) == 5
    for name, family in ours.items():
        kind, label = manual[name]
        assert kind == family.type
        assert not label or {label} == {*family.samples[0].labels}
        assert family.documentation
