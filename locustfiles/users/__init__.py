"""The user classes. Each defines the requests that a user sends and records in one turn.

`traffic.TrafficUser` is the base class of all of them, and of the classes that you write (docs/writing-users.md).
"""
