"""The stores in a database: accounts, lists, messages and used tickets.

    tables      the tables and their columns
    database    one database, its threads and its failures
    hashing     argon2id, in threads of its own and with a limited queue
    accounts    the accounts, as the roles read them
    directory   the same accounts, as an operator changes them
    lists       contact lists, and messages for people who are offline
    state       tickets that were used

All of them use SQLAlchemy Core, so that another database only needs another address.
"""
