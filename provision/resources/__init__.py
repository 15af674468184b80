"""The resources of a lab: their desired and actual states, and how the Azure SDK creates, changes and deletes them.

`base.Resource` is the contract; `graph` lists a lab's resources in the order in which they are made.
"""
