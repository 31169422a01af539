"""Pages for people: sign-up, sign-in, passwords, and a list of sessions. No script is needed.

`application` makes a Starlette application, and `site` uses it to answer the requests of this
service's own host, so that TLS, limits, proxies and shutdown work as for every other role. Handlers
are in `entrance` (sign-in, sign-up), `overview` (sessions and tickets) and `passwords`. `visits`,
`tokens`, `origins` and `fields` read the requests of a browser; `renderer` makes pages from the
templates.

The pages need the extra `[pages]`, and a service with a data folder.
"""
