"""Twenty accounts signed in at once, in one event loop."""

import asyncio

from msnpauth import aio, service

ACCOUNTS = {f"bot{number}@example.com": f"secret {number}" for number in range(20)}


async def main() -> None:
    async with service.run(ACCOUNTS) as running:

        async def one(passport: str, password: str) -> str:
            async with aio.sign_in(
                passport, password, running.servers, ca_file=running.ca_file
            ) as session:
                return session.passport

        names = await asyncio.gather(*[one(*account) for account in ACCOUNTS.items()])
        print(len(names), "signed in")


asyncio.run(main())
