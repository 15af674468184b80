"""The fast method: finds breaker transitions in arrays of requests, for labs whose units do not affect each other."""
