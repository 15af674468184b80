"""The commands that drive or export traffic: `run`, `capacity` and `export`.

Each takes plain arguments and returns an exit code.
"""
