"""The bodies of the commands that read runs: `report`, `runs`, and the second half of `capacity`.

Each takes plain arguments and returns an exit code.
"""
