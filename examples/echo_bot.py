"""A bot that answers and comes back: python echo_bot.py bot@example.com."""

import asyncio
import os
import sys
from contextlib import suppress

from msnpauth import MessageReceived, Servers, SignInError, aio


async def main(who: str, password: str) -> None:
    async with aio.sign_in(who, password, Servers.named("escargot"), reconnect=True) as session:
        await session.go_online()
        async for event in session.events():
            if isinstance(event, MessageReceived):
                with suppress(SignInError):  # whoever wrote has left meanwhile
                    await event.chat.send(f"You said: {event.text}")


asyncio.run(main(sys.argv[1], os.environ["MSNPAUTH_PASSWORD"]))
