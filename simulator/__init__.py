"""Simulates a lab in virtual time with the core's own breaker and pool, without sockets, clocks or waiting."""
