"""A bot that stays: it comes back when its connection is lost, with the ticket that it has."""

from msnpauth import MemoryTicketCache, Reconnect, service, sign_in

with (
    service.run({"bot@example.com": "secret"}) as running,
    sign_in(
        "bot@example.com",
        "secret",
        running.servers,
        ca_file=running.ca_file,
        cache=MemoryTicketCache(),
        reconnect=Reconnect(first=0.1),
    ) as session,
):
    session.send("CHG", "NLN", "0")
    times = 0
    for command in session:
        if command.verb == "CHG" and times == 3:
            break
        if command.verb == "CHG":  # online: and the server goes down, as servers do
            running.put_out("bot@example.com", "SSD")
        if command.verb == "USR":  # USR n OK: back, on a new connection, and offline yet
            times += 1
            session.send("CHG", "NLN", "0")
    print("back", times, "times:", session)
