"""Finds out what is wrong with a network, with an account, or with the connection to them.

    from msnpauth import Servers, doctor

    for finding in doctor.examine(Servers.named("escargot")):
        print(finding.state, finding.step, finding.seen, finding.advice)

Nothing is changed anywhere. With an account it signs in, which may end another session of the
account (OUT OTH); a password that was refused is not sent again.

    glance       a short check of a network, for `msnpauth services --check`
    examination  the steps, in their order
    finding      the result of one check
    patient      the network, and the facts that one step passes to the next
    reach        host names and connections
    versions     MSNP versions, XFR, pipelining
    encryption   certificates, TLS versions, clocks, handshakes without a server name
    legacy       handshakes with old TLS (`[legacy]`)
    web          nexus, login, RST and contacts host, without an account
    account      sign-ins by each scheme, and the session after them
    conformance  how the service reacts to everything that clients send
    raw          sends and receives bytes, for conformance
    generations  which generations of clients will sign on
    official     the codes that official clients show
    waterfall    a sign-in on one time axis
    report       an examination as JSON, and as a page
"""

from __future__ import annotations

from .examination import Examination, examine
from .finding import Finding, State
from .generations import badge
from .official import Explained, explained_code
from .report import as_json, page

__all__ = [
    "Examination",
    "Explained",
    "Finding",
    "State",
    "as_json",
    "badge",
    "examine",
    "explained_code",
    "page",
]
