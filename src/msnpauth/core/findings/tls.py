"""Encryption and certificates."""

from __future__ import annotations

from .section import Section

__all__ = ["SECTIONS"]

_REJECTED = "the server's certificate was rejected: "
_OWN = "if the network has its own certificate authority, name it with ca_file="

SECTIONS = (
    Section(
        "MA-TLS-01",
        "The certificate has expired",
        "The last day of the server's certificate is before today, by this machine's clock.",
        "The network has to renew it: tell its owners. Do not work around it with a password that"
        " matters. If many sites fail in the same way, this machine's clock is wrong.",
        _REJECTED + "it has expired",
        "the network has to renew it, unless this machine's clock is wrong: it says {today}",
    ),
    Section(
        "MA-TLS-02",
        "The certificate is not yet valid: the clock",
        "The first day of the server's certificate is after today, by this machine's clock.",
        "Nearly always this machine's clock is behind, as after an empty battery. Set the clock,"
        " best by NTP. The doctor compares it with the server's own Date.",
        _REJECTED + "it is not yet valid",
        "set this machine's clock, which says {today}",
    ),
    Section(
        "MA-TLS-03",
        "The certificate is of an authority that is not trusted here",
        "The chain of the certificate leads to no authority of this machine.",
        "A network with an authority of its own publishes that certificate: name the file. If the"
        " network has a public certificate, it may forget to send the intermediate one (its owners"
        " have to mend that), a program on this machine reads along (antivirus, company), or a"
        " hotspot stands in between: open any web page first.",
        _REJECTED + "no authority that is trusted here has signed it",
        _OWN,
    ),
    Section(
        "MA-TLS-04",
        "The certificate is signed by itself",
        "The server's certificate has no authority above it, and is not trusted by itself.",
        "If you know the network, get its certificate by a way that you trust, and name the file:"
        " that very certificate is trusted then. A router's or hotspot's page has such a"
        " certificate as well.",
        _REJECTED + "it is signed by itself",
        "if you know it to be the network's, name the file with ca_file=",
    ),
    Section(
        "MA-TLS-05",
        "The certificate is for another name",
        "The name that was asked for is not among the names of the certificate.",
        "Use the name that the certificate is for; `msnpauth doctor` shows its names. If the name"
        " is right, another server answers there: a hotspot's or a company's sign-in page, or a"
        " web host's default page. Open any web page in a browser, and try again.",
        _REJECTED + "it is not for the name {host}",
        "use the name that the certificate is for; if {host} is right, this is another server",
    ),
    Section(
        "MA-TLS-06",
        "The certificate was withdrawn",
        "The certificate's authority has revoked it.",
        "The network has to get a new one: tell its owners.",
        _REJECTED + "its authority has withdrawn it",
        "the network has to renew it",
    ),
    Section(
        "MA-TLS-07",
        "The certificate is too weak",
        "Its key is too short, or it is signed by a digest that is broken (MD5, SHA-1).",
        "The network has to get a stronger one. Networks that serve original old clients have such"
        " certificates on purpose: they need another address for clients of today.",
        _REJECTED + "its key or its signature is too weak",
        "the network has to get a stronger one",
    ),
    Section(
        "MA-TLS-08",
        "The certificate is not made as the rules want it",
        "Python's strict checks of RFC 5280 (from version 3.13 on) found a fault in the"
        " certificate, or in its authority's.",
        "An authority needs basicConstraints and keyUsage, both critical. If the authority is the"
        " network's own, name its file: then less is asked for.",
        _REJECTED
        + "it, or its authority's, is not made as RFC 5280 wants (OpenSSL's reason {number})",
        "an authority needs basicConstraints=critical,CA:TRUE and keyUsage=critical,keyCertSign;"
        " if it is the network's own, name it with ca_file=, which asks for less",
    ),
    Section(
        "MA-TLS-09",
        "The certificate was not accepted",
        "OpenSSL rejected the certificate for a reason that is none of the others.",
        "The error has OpenSSL's number for the reason.",
        _REJECTED + "it was not accepted (OpenSSL's reason {number})",
        _OWN,
    ),
    Section(
        "MA-TLS-10",
        "Something else than TLS answers at that port",
        "The first bytes of the server are no TLS.",
        "The port is one of plain HTTP, of MSNP, or of another service. HTTPS has port 443 unless"
        " the address has another.",
        "the server does not speak TLS on that port",
        "another service answers there: check the port",
    ),
    Section(
        "MA-TLS-11",
        "The server knows only old TLS",
        "The server wants a version of TLS before 1.2.",
        "Passwords are sent by TLS 1.2 and 1.3 only. `msnpauth doctor` shows which versions the"
        " server has. The network can put a TLS proxy of today in front of it, or enable TLS 1.2"
        " beside the old versions that original clients need.",
        "TLS failed: the server knows only versions of TLS before 1.2",
        "TLS 1.2 is the least; `msnpauth doctor` shows what there is: tell the network's owners",
    ),
    Section(
        "MA-TLS-12",
        "No encryption in common",
        "Client and server share no cipher, group or signature that is strong enough. A server that"
        " wants a certificate of the client breaks TLS 1.2 off in the same way.",
        "The server offers only ciphers that are broken (RC4, 3DES, export), or a key that is too"
        " short. Its owners have to allow others.",
        "TLS failed: the server takes no encryption that is strong enough",
        "TLS 1.2 is the least; the server may also want a certificate: tell the network's owners",
    ),
    Section(
        "MA-TLS-16",
        "The server wants a certificate of the client",
        "The server ended the connection by the alert certificate_required (TLS 1.3).",
        "No MSN network asks its users for certificates: another service answers there, or the"
        " server is set up for its own machines only (mutual TLS). Its owners have to switch that"
        " off (nginx: ssl_verify_client).",
        "TLS failed: the server wants a certificate of the client",
        "another service answers there, or the network has to switch that off",
    ),
    Section(
        "MA-TLS-13",
        "TLS broke off",
        "The connection was lost, or the other side gave up, during the handshake.",
        "Try again. If it stays: another service may listen there, a firewall may cut TLS that it"
        " does not like, or the server wants a certificate of the client.",
        "TLS failed: {words}",
        "check the address and the network",
    ),
    Section(
        "MA-TLS-14",
        "This Python has no TLS",
        "The module `ssl` cannot be imported.",
        "Install a Python that was built with OpenSSL. Meanwhile the carrier `curl` works without"
        " it, as it brings its own TLS: `pip install 'msnpauth[curl]'`, and `transport=\"curl\"`.",
        "this Python was built without TLS (no ssl module), and a password never goes without it",
        "{install}; transport='curl' brings its own TLS",
    ),
    Section(
        "MA-TLS-15",
        "This machine trusts nobody",
        "The system has no certificates of authorities.",
        "Minimal containers lack them. Install the package of certificates.",
        "this system has no trusted certificates to check the server's against",
        "install them (Debian: apt-get install ca-certificates) or name yours with ca_file=",
    ),
)
