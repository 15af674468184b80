"""Each resource of a lab: what it must be, what it is, and how it is created, changed and deleted with the Azure SDK.

`base.Resource` is the contract; `graph` lists a lab's resources in the order in which they are made.
"""
