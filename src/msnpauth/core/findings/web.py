"""What answers by HTTPS: the nexus, login and RST servers, the contacts host."""

from __future__ import annotations

from .section import Section

__all__ = ["SECTIONS"]

_ROLE = "check that the address is the right one for this role"

SECTIONS = (
    Section(
        "MA-WEB-01",
        "The answer makes no sense for this role",
        "A server answered by HTTP, but not what a nexus, a login or an RST server says.",
        "Another server answers at that address. Check the address with the network's own site, and"
        " look at the answer with `--verbose`.",
        "the server gave no ticket",
        _ROLE,
    ),
    Section(
        "MA-WEB-02",
        "A web page answered instead",
        "The answer is HTML where a ticket, or the address of a login server, was expected.",
        "A hotspot, a company's proxy or a web host's own page stands there. Open any web page in a"
        " browser and sign in to the hotspot, or correct the address: it may lead to the network's"
        " web site instead of to its servers.",
        "the server gave no ticket: the answer is a web page",
        "a hotspot or a web site answers there: open a web page in a browser, or check the address",
    ),
    Section(
        "MA-WEB-03",
        "The answer is not HTTP",
        "What answered breaks the rules of HTTP/1.1.",
        "Another service listens at that port, or the server is broken.",
        "the answer is not HTTP/1.1",
        _ROLE,
    ),
    Section(
        "MA-WEB-04",
        "The server is busy or has trouble",
        "HTTP 429 or 5xx, or a fault that says so, or an MSNP code of that kind (500, 600, 910,"
        " 921).",
        "Try again later; `retry_after` says when, where the server does. A bot with `reconnect=`"
        " does so by itself.",
        "the server has trouble",
        "try again later",
    ),
    Section(
        "MA-WEB-05",
        "Sent from place to place",
        "More than five redirects or transfers, or a circle of them.",
        "The network is misconfigured: servers send the client to one another. Tell its owners.",
        "more than 5 redirects",
        "the network is misconfigured; try again later or tell its owners",
    ),
    Section(
        "MA-WEB-06",
        "The password was to go to a stranger",
        "A redirect leads to a host that this network does not vouch for. Nothing was sent there.",
        "Hotspots and company proxies redirect to a page of theirs: open any web page in a browser"
        " first. If you know that host to be the network's, name it in `trusted_hosts=`. Otherwise"
        " somebody may be after passwords.",
        "redirected to {url}, which this network does not vouch for",
        "a hotspot does that: open a web page in a browser; if that host is the network's, name it"
        " in Servers(trusted_hosts=…)",
    ),
    Section(
        "MA-WEB-07",
        "The password was to go without encryption",
        "A redirect, or the nexus, leads to an address of plain http. Nothing was sent there.",
        "The network has to name https. If it has an https address, name that one as `login=`,"
        " `nexus=` or `rst=`.",
        "redirected to {url}, which is not encrypted",
        "the password goes to https only: if there is an https address, name that one",
    ),
    Section(
        "MA-WEB-08",
        "Somebody other than Passport asks for a password",
        "Status 401 without a word of Passport 1.4, at the nexus, the login or an RST server.",
        "A gateway or a web server's own protection stands before the login server. Nobody judged"
        " the password.",
        "401 without a word of Passport: no login server",
        _ROLE,
    ),
    Section(
        "MA-WEB-09",
        "Nothing is at that address",
        "HTTP 404, 405 or 410 where a nexus, a login or an RST server should be.",
        "The host is there, and has a web server; the path is wrong, or the network has moved."
        " Compare the address with the network's own site.",
        "there is nothing at that address",
        "the host is there, but not that address: check its path with the network's own site",
    ),
)
