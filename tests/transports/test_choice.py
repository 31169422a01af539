"""Which carrier a name or an instance stands for, and what is said when there is none."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from conftest import Authority
from msnpauth import AsyncTransport, LocalProtocolError, Transport
from msnpauth.transports import NAMES, make_async_transport, make_transport


class Own(Transport):
    def fetch(self, request: Any, timeout: float) -> Any: ...
    def close(self) -> None: ...


class AsyncOwn(AsyncTransport):
    async def fetch(self, request: Any, timeout: float) -> Any: ...
    async def close(self) -> None: ...


@pytest.mark.parametrize("name", [*NAMES, None])
def test_by_name(name: str | None, authority: Authority) -> None:
    made = make_transport(name, authority.ca_file, None)
    assert type(made).__name__ == f"{(name or 'sockets').capitalize()}Transport"
    made.close()
    asyn = make_async_transport(name, authority.ca_file, None)
    assert type(asyn).__name__ == f"Async{(name or 'sockets').capitalize()}Transport"


def test_an_instance_of_ones_own(authority: Authority) -> None:
    own, asyn = Own(), AsyncOwn()
    assert make_transport(own, None, None) is own
    assert make_async_transport(asyn, None, None) is asyn
    for settings in ((authority.ca_file, None), (None, authority.client_tls)):
        with pytest.raises(LocalProtocolError, match="brings its own TLS settings"):
            make_transport(own, *settings)
        with pytest.raises(LocalProtocolError) as caught:
            make_async_transport(asyn, *settings)
        assert str(caught.value) == (
            "a transport of your own brings its own TLS settings; give ca_file or ssl_context to it"
            " instead"
        )
    own.prepare(None, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["smoke", 5, Own, AsyncOwn()])
def test_what_is_no_transport(wrong: Any) -> None:
    with pytest.raises(LocalProtocolError, match="sockets, curl, httpx"):
        make_transport(wrong, None, None)


def test_one_for_threads_is_none_for_asyncio() -> None:
    with pytest.raises(LocalProtocolError, match="AsyncTransport for asyncio"):
        make_async_transport(Own(), None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "module"), [("curl", "pycurl"), ("httpx", "httpx2")])
def test_a_missing_extra(
    name: str, module: str, monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, f"msnpauth.transports.{name}", raising=False)
    for make in (make_transport, make_async_transport):
        with pytest.raises(LocalProtocolError) as caught:
            make(name, authority.ca_file, None)
        assert f"pip install 'msnpauth[{name}]'" in str(caught.value)
        assert module in str(caught.value)


def test_curl_cannot_use_pythons_tls(authority: Authority) -> None:
    with pytest.raises(LocalProtocolError, match="use ca_file= with curl"):
        make_transport("curl", None, authority.client_tls)


def test_a_ca_file_that_is_none() -> None:
    for name in NAMES:
        with pytest.raises(LocalProtocolError, match="/nowhere"):
            make_transport(name, "/nowhere", None)
