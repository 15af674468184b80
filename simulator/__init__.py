"""The lab in virtual time: the core's own breaker and pool, without sockets, clocks or waiting."""
