"""Pages for people: sign up, sign in, passwords, and where one is signed in. No script is needed.

`application` is a Starlette application, and `site` answers the requests of our own host by it, so
that TLS, bounds, proxies and a good end are those of every other role. Handlers are in `entrance`
(sign in, sign up), `overview` (sessions and tickets) and `passwords`. What a browser sends is read
in `visits`, `tokens`, `origins` and `fields`; `renderer` makes pages
of the templates.

It needs the extra `[pages]`, and a service with a data folder.
"""
