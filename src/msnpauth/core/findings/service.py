"""What the doctor sees of a network, besides errors."""

from __future__ import annotations

from .section import Section

__all__ = ["SECTIONS"]

SECTIONS = (
    Section(
        "MA-DOC-01",
        "The names of the hosts",
        "Each host name was looked up, and its addresses were found.",
        "Nothing is to be done. An old client that was patched to other names needs those names"
        " instead, in its own `hosts` file or at its own resolver.",
    ),
    Section(
        "MA-DOC-02",
        "Connections to each address",
        "A TCP connection was made to each address of each host.",
        "Nothing is to be done. When one of several addresses fails, people meet it now and then:"
        " the network has to mend that server, or take the address out of its DNS.",
    ),
    Section(
        "MA-DOC-03",
        "The MSNP versions of the server",
        "Each version was offered by itself, on a connection of its own.",
        "A client signs on when the server agrees to one of the versions that the client has:"
        " MSN Messenger 1 to 4 have MSNP2 to 7, 5 and 6 have MSNP8 to 10, 7 has MSNP11 and 12,"
        " Windows Live Messenger 8 has MSNP13 to 15, 2009 has MSNP18, 2011 and 2012 have MSNP21.",
    ),
    Section(
        "MA-DOC-04",
        "The server knows only sign-ins by MD5",
        "It agreed to versions before MSNP8 only.",
        "MD5 sends a hash of salt and password over a connection that is not encrypted: who listens"
        " can try passwords at home. Use `--scheme MD5`, and a password that is used nowhere else.",
        hint="use scheme='MD5', and a password that is used nowhere else",
        clients="MSN Messenger 1 to 4",
    ),
    Section(
        "MA-DOC-05",
        "The way to a notification server",
        "A sign-in was begun without a password, and every XFR was followed.",
        "XFR is the normal answer of a dispatch server. The server at the end of the way has to be"
        " reachable as well: a firewall must let its port through, too.",
    ),
    Section(
        "MA-DOC-06",
        "Several commands in one packet",
        "VER, CVR and USR were sent together, and all of them were answered, or not.",
        "A server that reads one command of each packet costs two round trips and a wait of three"
        " seconds: sign in with `--no-pipeline` there. The server's author has to split what comes"
        " at each line end.",
        hint="sign in with pipeline=False here",
    ),
    Section(
        "MA-DOC-07",
        "TLS of today",
        "A handshake with every check, and one with each version of TLS by itself.",
        "TLS 1.2 and 1.3 are what clients of today need. Older versions beside them do no harm to"
        " clients of today, and original clients need them.",
    ),
    Section(
        "MA-DOC-08",
        "The certificate",
        "The server's certificate was read: its names, who has signed it, its key and its end.",
        "A certificate that ends within two weeks should have been renewed by now: the network's"
        " automatic renewal is broken. Original clients of Windows XP need an RSA key.",
    ),
    Section(
        "MA-DOC-09",
        "The clocks",
        "The Date of an HTTP answer was compared with this machine's clock.",
        "A server refuses requests of RST2 whose time is five minutes off, and certificates are"
        " judged by the clock. Set the clock that is wrong, best by NTP.",
        hint="set the clock that is wrong",
        clients="clients that sign in by RST2 (2009 and later); every client of HTTPS",
    ),
    Section(
        "MA-DOC-10",
        "What the TLS of old systems makes of the server",
        "Handshakes with the versions and ciphers that old systems have.",
        "Windows 98 and XP have TLS 1.0 with RSA keys, RC4 or 3DES, and send no server name; Vista"
        " and Windows 7 have TLS 1.0 with AES, as old Macs do. An original client signs on when the"
        " server, or a TLS proxy of the network's, takes that. A certificate of an authority of"
        " today is not trusted by an old system until its root is installed there.",
        hint="a TLS proxy of the network's can serve old systems",
        clients="original clients on Windows 98, XP, Vista and 7, and on old Macs",
    ),
    Section(
        "MA-DOC-11",
        "The nexus",
        "The nexus was asked for PassportURLs, and named a login server.",
        "Clients of MSNP8 to 12 ask the nexus first. When it fails they cannot sign in; name the"
        " login server with `--login` instead.",
        clients="MSN Messenger 5 to 7, and older clients of today",
    ),
    Section(
        "MA-DOC-12",
        "The login server",
        "The login server was asked for a ticket of an account that nobody has, and refused it in"
        " words of Passport 1.4.",
        "A login server answers a wrong password by 401 with `WWW-Authenticate: Passport1.4"
        " da-status=failed`. Anything else, such as 500 or a web page, leaves clients in the dark.",
        clients="MSN Messenger 5 to 7, and older clients of today",
    ),
    Section(
        "MA-DOC-13",
        "The RST service",
        "The RST service was asked for a ticket of an account that nobody has, and refused it by a"
        " fault.",
        "RST answers a wrong password by a fault with FailedAuthentication.",
        clients="Windows Live Messenger 8, libpurple, and TWN of later clients",
    ),
    Section(
        "MA-DOC-14",
        "The RST2 service",
        "As RST, in the newer spelling, which holds the time.",
        "RST2 refuses requests whose time is off by five minutes: see MA-DOC-09.",
        clients="Windows Live Messenger 2009 and later",
    ),
    Section(
        "MA-DOC-15",
        "The contacts host",
        "The contacts host was asked for a list, without a ticket.",
        "A contacts host answers a request without a ticket by a fault of SOAP. One that answers"
        " 404 or a web page has another address.",
        hint="check the address of the contacts host",
        clients="Windows Live Messenger 8 and later, libpurple",
    ),
    Section(
        "MA-DOC-16",
        "A sign-in",
        "The account was signed in by this scheme.",
        "Each scheme is for another time of clients. Where one works and another fails, clients of"
        " the other time fail, too.",
    ),
    Section(
        "MA-DOC-17",
        "The life of the ticket",
        "The ticket's lifetime, as the login server states it.",
        "A ticket that lives for less than a minute can be too old when a slow client sends it. One"
        " that lives for hours saves a bot most of its requests: give `cache=` to `sign_in`.",
        hint="a slow client may come too late with it: tell the network's owners",
    ),
    Section(
        "MA-DOC-18",
        "The server's challenge",
        "CHL was answered by QRY, and the server took the answer.",
        "A server that refuses the answer (540) knows other product ids and keys. Give"
        " `product=(id, key)`, or another `--dialect`.",
        hint="give product=(id, key), or offer other dialects=",
    ),
    Section(
        "MA-DOC-19",
        "Keep-alive",
        "PNG was answered by QNG.",
        "A server that does not answer PNG looks dead to every client: connections are given up"
        " after a minute or two.",
        hint="tell the network's owners",
    ),
    Section(
        "MA-DOC-20",
        "The contact list",
        "The account's contact list was read, and the account went online invisibly.",
        "From MSNP13 on the list comes from the contacts host. Name it with `--contacts` when it"
        " cannot be found.",
    ),
    Section(
        "MA-DOC-21",
        "A chat with oneself",
        "The account called itself into a chat and wrote a line.",
        "Not every network allows that; a refusal by 215 or 217 says only so. When the connection"
        " to the switchboard fails, no chat works: its port has to be open, too.",
    ),
    Section(
        "MA-DOC-22",
        "The host has IPv6 addresses only",
        "The resolver gave no address of IPv4.",
        "Old clients know nothing of IPv6: they need an IPv4 address. So do people whose provider"
        " has no IPv6.",
        hint="the host needs an IPv4 address as well",
        clients="every client before Windows Vista, and people without IPv6",
    ),
    Section(
        "MA-DOC-23",
        "The spelling of a header",
        "The nexus names its header otherwise than `PassportURLs`.",
        "HTTP does not care for letter case, but old clients compare the bytes: they look for"
        " `PassportURLs` as it is spelled here. Web servers and proxies that write header names"
        " anew have to be told not to, or the answer has to be made by a server that leaves names"
        " as they are.",
        hint="the server, or the proxy before it, has to spell it PassportURLs",
        clients="original clients, libpurple, the PHP class",
    ),
    Section(
        "MA-DOC-24",
        "The form of an answer",
        "The bytes of the answer to a nexus or login request were compared with what old clients"
        " can read.",
        "Old clients are no libraries: libpurple looks for `HTTP/1.1` and `Content-Length`, spelled"
        " so, and hangs without them; chunked bodies and HTTP/2 names are unknown to all of them.",
        hint="the server has to answer as those clients read it",
        clients="libpurple, msn-pecan, original clients",
    ),
    Section(
        "MA-DOC-25",
        "What the service does with wrong input",
        "Something that clients send by mistake or by age was sent, and the answer was looked at.",
        "A server should answer each of these with a refusal, or take it: never by status 500,"
        " silence or a crash.",
        hint="the server has to refuse it, by a code or by closing, or to take it",
        clients="the clients that send it",
    ),
    Section(
        "MA-DOC-26",
        "Which generations of clients sign on",
        "What was found was compared with what each generation of clients needs.",
        "For each generation that does not sign on, the first missing thing is named. See the"
        " finding of that thing.",
        hint="see the finding of what is missing",
    ),
    Section(
        "MA-DOC-27",
        "A second sign-in of the account",
        "The account signed in twice; the first session was told OUT OTH, or not.",
        "Before MSNP16 the first session has to end by OUT OTH, so that its client does not come"
        " back by itself: two clients would throw each other out for ever.",
        hint="the server has to end the first session by OUT OTH, and only by the right password",
    ),
    Section(
        "MA-DOC-29",
        "A server that is told no name",
        "A handshake that names no server (no SNI) was made, and its certificate compared.",
        "Clients of Windows XP and before, and some of today (bitlbee, msnlib), name no server in"
        " their handshake. A web server with several names gives them its default certificate:"
        " make the one of the network the default, or give the network an address of its own.",
        hint="the network's certificate has to be the default one of that address",
        clients="original clients on Windows XP and before, bitlbee, msnlib",
    ),
    Section(
        "MA-DOC-30",
        "The time was up",
        "The time for the whole examination was used up by earlier steps.",
        "A slow server has taken it. Give more with `--timeout`; what was found before says which"
        " server is slow.",
    ),
    Section(
        "MA-DOC-28",
        "This was not tried",
        "Something that the step needs was missing: an account, an address, time, or an extra.",
        "The finding says what was missing.",
    ),
)
