"""The bodies of the commands that drive traffic: `run`, `capacity` and `export`.

Each takes plain arguments and returns an exit code.
"""
