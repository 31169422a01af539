from __future__ import annotations

from typing import Any

import pytest

from msnpauth import LocalProtocolError, SignInTimeout
from msnpauth.core.errors import Step
from msnpauth.net.deadline import Deadline, check_timeout


@pytest.mark.parametrize("timeout", [0, -1, None, "5", float("inf"), float("nan")])
def test_what_is_no_time_out(timeout: Any) -> None:
    with pytest.raises(LocalProtocolError, match="every wait ends"):
        check_timeout(timeout)


def test_what_is_one() -> None:
    assert check_timeout(5) == 5.0
    assert check_timeout(0.1) == 0.1


def test_before_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    deadline = Deadline(5)
    assert deadline.check() == 5
    now = 104.0
    assert deadline.remaining() == 1
    now = 105.0
    with pytest.raises(SignInTimeout) as caught:
        deadline.check(Step.LOGIN, "https://h")
    assert str(caught.value).startswith("login at https://h: no answer within 5 seconds")
