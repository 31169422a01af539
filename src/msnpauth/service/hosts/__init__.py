"""What carries a role over a network: sockets, TLS, HTTP and lines of commands."""
