"""What the nodes of a network share while they run: a server of Redis's protocol, such as Valkey.

    server      the connection, and what its failures come to
    scripts     what is done there in one step
    state       who is where, how they are to be seen, which tickets are used: a `SharedState`
    attempts    guesses, counted for all nodes together

Nothing of it has to last: when the server loses its memory, the nodes tell it anew who is there.
"""
