"""A client's sign-in and session: bytes and values in, actions and events out."""
