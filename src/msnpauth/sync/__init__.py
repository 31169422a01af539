"""The driver on blocking sockets; `msnpauth.aio` has the same names for asyncio."""
