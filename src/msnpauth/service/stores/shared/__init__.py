"""The stores that nodes share while they run: a server of Redis's protocol, such as Valkey.

    server      the connection, and the errors that its failures result in
    scripts     the steps that the server runs as a whole
    state       a `SharedState`: places, presences and used tickets
    attempts    password guesses, counted for all nodes together

The content does not have to last: when the server loses its memory, the nodes write their places
and presences to it again.
"""
