"""Hostile input in bulk: damaged run directories, labs, scenarios, policies, expressions and HTTP messages.

`budget` says how many examples are tried. Inputs that once failed are kept as tests of their own.
"""
