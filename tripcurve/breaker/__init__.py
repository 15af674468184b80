"""The circuit breaker of one backend and the pool over several, as pure state machines: time comes in, events go out.

The live gateway and the simulator run the same code.
"""

from tripcurve.breaker.breaker import Breaker, Closed, ImpossibleTransition, Opened, Outcome, State, Ticket
from tripcurve.breaker.pool import Member, Pool

__all__ = ["Breaker", "Closed", "ImpossibleTransition", "Member", "Opened", "Outcome", "Pool", "State", "Ticket"]
