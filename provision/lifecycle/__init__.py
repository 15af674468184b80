"""The life of a lab: plan, apply, status, smoke, down, and the state file that remembers what was created.

Azure's errors become messages with a remedy in `azure_errors`.
"""
