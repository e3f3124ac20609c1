"""What the gateway keeps between requests: a file a kind of object, its data first, then the port that keeps it.

Every object belongs to a *path*, the effective path of the call that made it, and is found under that path alone: for
any other an id that is there answers exactly like one that never was. Times are UTC microseconds, bodies JSON as bytes
in the shape of OpenAI's wire. Whatever must wait raises `Unavailable` when the database is away.
"""
