"""Names, addresses, connections, and proxies."""

from __future__ import annotations

from .section import Section

__all__ = ["SECTIONS"]

_CHECK = "check the address and the network"

SECTIONS = (
    Section(
        "MA-NET-01",
        "This machine has no network",
        "A name could not be looked up, or a connection was refused by this machine itself, and"
        " there is no way out of the machine by IPv4 or by IPv6.",
        "Connect the machine to a network. In a container or a virtual machine, look at its network"
        " settings: it may have been started without one.",
        "this machine has no network",
        "connect it first",
    ),
    Section(
        "MA-NET-02",
        "There is no such host name",
        "The resolver answered that nobody has that name (NXDOMAIN), while the machine has a"
        " network.",
        "Look for a typing error in the name. Networks move: `msnpauth services` shows the"
        " addresses that are known, and the network's own site has those of today.",
        "there is no such host name",
        _CHECK,
    ),
    Section(
        "MA-NET-03",
        "The resolver does not answer",
        "The look-up of a name failed without an answer (EAI_AGAIN, EAI_FAIL), while the machine"
        " has a network.",
        "The name may well exist. Try again in a minute. If other names fail too, the DNS server of"
        " this machine or of its network is down, or a firewall blocks port 53.",
        "the host name could not be looked up just now: the resolver did not answer",
        "check this machine's network and its resolver (DNS), and try again",
    ),
    Section(
        "MA-NET-04",
        "The connection was refused",
        "The host answered that nothing listens at that port (ECONNREFUSED).",
        "The host is there and reachable. Its server is down, or it listens at another port. MSNP"
        " has port 1863, and HTTPS has port 443, unless the network says otherwise. Some firewalls"
        " answer like that as well.",
        "connection refused",
        "nothing listens at that port: the server is down, or the address has another port",
    ),
    Section(
        "MA-NET-05",
        "Nothing answers at all: a firewall",
        "A connection was tried for ten seconds, or up to the deadline, and nothing came back: no"
        " answer and no refusal.",
        "A firewall drops what is sent to that port, or the host is switched off. Networks of"
        " schools and companies often allow port 443 alone. Try from another network, such as a"
        " telephone's. If only this one fails, ask its owner to open the port (1863 for MSNP).",
        "no answer to a connection within {seconds} seconds",
        "a firewall may drop it, here or on the way, or the host is down; MSNP needs port 1863",
    ),
    Section(
        "MA-NET-06",
        "There is no way to that host",
        "The system or a router says that the network or the host cannot be reached (ENETUNREACH,"
        " EHOSTUNREACH).",
        "Check that the machine is online, that a VPN which the address needs is up, and that the"
        " address is no private one of another network.",
        "{words}",
        "check that this machine is online, and that the address is not of a private network",
    ),
    Section(
        "MA-NET-07",
        "The host has IPv6 addresses only, and this machine has no IPv6",
        "Every address of the host is of a kind that this machine has no way to.",
        "Ask the network's owners for an address of the other kind, or get IPv6 from the provider."
        " A tunnel or a VPN with IPv6 helps for the time being.",
        "the host has {theirs} addresses only, and this machine has no {theirs}",
        "use a network with {theirs}, or ask the service for another kind of address",
    ),
    Section(
        "MA-NET-08",
        "The server closed the connection",
        "The connection ended, or was reset, before the answer was there.",
        "If it happens always at the same step, the server did not like what it was sent: try"
        " `pipeline=False`, and an older `dialects=`. If it happens now and then, the server is"
        " restarting, or a router forgets idle connections.",
        "the server closed the connection while {what} was awaited",
        _CHECK,
    ),
    Section(
        "MA-NET-09",
        "This machine forbids the connection",
        "The system refused to connect (EACCES, EPERM).",
        "A firewall program, a sandbox, SELinux or a container's policy forbids it. Allow Python to"
        " connect to that port.",
        "permission denied",
        "a firewall or a sandbox of this machine forbids it",
    ),
    Section(
        "MA-NET-10",
        "This process has too much open",
        "No file descriptor, or no thread, was left (EMFILE, ENFILE).",
        "Close sessions that are not needed, or raise the limit (`ulimit -n`). A program that signs"
        " in again and again without closing its sessions comes to this, too.",
        "too many open files",
        "close what is not needed any more, or raise the limit of this process (ulimit)",
    ),
    Section(
        "MA-NET-11",
        "The time was up",
        "The whole sign-in, or an answer in a session, did not come within the `timeout=` that was"
        " given.",
        "The error names what was waited for, and who was to send it. That server is slow or hangs;"
        " another service may listen at that port, which waits for something else. Try again with"
        " more time, and look at the whole conversation with `--verbose`.",
        "{what} did not come within {seconds} seconds",
        "try again, or allow more time with timeout=",
    ),
    Section(
        "MA-NET-12",
        "That network is gone",
        "The network is known to be gone, or the host is one that Microsoft had for Messenger and"
        " Passport.",
        "Microsoft switched Messenger off in 2013. Old tutorials, scripts and clients still name"
        " its hosts. Sign in to a living network instead, with an account of that network:"
        " `msnpauth services` lists them.",
        "the network {name!r} is gone: {note}",
        "living networks are escargot, crosstalk; see `msnpauth services`",
    ),
    Section(
        "MA-NET-13",
        "The connection failed",
        "The connection could not be made or was lost, and the reason is none of the others.",
        "The error has the system's own words. Try again; if it stays, run `msnpauth doctor`.",
        "{words}",
        _CHECK,
    ),
    Section(
        "MA-PRX-01",
        "The proxy wants a user name and a password",
        "A proxy of the environment answered CONNECT by 407.",
        "Put user name and password into the variable that names the proxy, percent-encoded. A"
        " proxy that asks for NTLM or Kerberos cannot be used: run a helper such as cntlm beside"
        " it.",
        "{proxy} wants a user name and a password that it knows",
        "put them into {variable}=http://user:password@host:port",
    ),
    Section(
        "MA-PRX-02",
        "The proxy refuses",
        "A proxy of the environment answered CONNECT by something else than 2xx and 407.",
        "The proxy does not let this host and port through. Most proxies allow port 443 only. Ask"
        " the proxy's owner, or name the host in `no_proxy` when it can be reached directly.",
        "{proxy} refused the connection",
        "ask the proxy's owner whether it lets this host and port through",
    ),
    Section(
        "MA-PRX-03",
        "There is no such proxy",
        "The host name of the proxy that the environment names could not be looked up.",
        "Correct the variable. It may be left over from another network: then unset it.",
        "there is no such host name: {proxy}",
        "correct {variable}, or name the host in no_proxy",
    ),
    Section(
        "MA-PRX-04",
        "The proxy cannot be reached",
        "No connection could be made to the proxy that the environment names.",
        "The proxy is down, or the variable names a wrong port. If it is left over from another"
        " network, unset it.",
        "{proxy}: {words}",
        "correct {variable}, or name the host in no_proxy",
    ),
    Section(
        "MA-PRX-05",
        "Port 1863 does not go through the proxy",
        "The notification server could not be reached, and the environment names a proxy.",
        "The proxy of the environment is for HTTPS. MSNP is no HTTP, and its connection is always"
        " made directly. In a network that lets nothing out but through its proxy, MSNP needs port"
        " 1863 opened, or a VPN.",
        "{words}",
        "the connection to port {port} does not go through the proxy of {variable}: it has to be"
        " open here",
    ),
    Section(
        "MA-PRX-06",
        "A proxy is named, and this carrier does not use it",
        "A login server could not be reached directly, and the environment names a proxy.",
        "The default carrier connects directly. The carriers `curl` and `httpx` go through the"
        " proxy of the environment: `pip install 'msnpauth[curl]'`, and `transport=\"curl\"`.",
        "{words}",
        "{variable} names a proxy: transport='curl' or transport='httpx' goes through it",
    ),
    Section(
        "MA-PRX-07",
        "The proxy's variable cannot be read",
        "The carrier could not make sense of the proxy that the environment names.",
        "Write it as `http://host:port` or `socks5h://host:port`.",
        "curl cannot use the proxy that {variable} names",
        "give it as http://host:port, or socks5h://host:port",
    ),
)
