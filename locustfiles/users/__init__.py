"""The user classes: what one turn of a user sends and records.

`traffic.TrafficUser` is the base of all of them, also of users' own classes (docs/writing-users.md).
"""
