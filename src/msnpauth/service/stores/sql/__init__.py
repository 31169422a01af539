"""The stores that last: accounts, lists, messages and used tickets in a database.

    tables      what lies where
    database    one database, its threads and its failures
    hashing     argon2id, off the event loop and bounded
    accounts    who may sign in, as the roles ask
    directory   the same accounts, as an operator changes them
    lists       contact lists, and messages for people who are offline
    state       tickets that are used up

SQLAlchemy Core stands between, so that another database is another address.
"""
