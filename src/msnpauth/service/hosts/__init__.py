"""The hosts, which run a role over a network: sockets, TLS, HTTP and lines of commands."""
