"""Gateway programs that nobody here wrote: one file for each says how to find, configure, start and read it.

`local_gateway` runs one of them in front of a mock for each backend of the lab, instead of the local cloud.
"""
