"""What an API Management gateway does, asked over HTTP of any that has the labs quick and pool.

By default that is the local cloud. With TRIPCURVE_CONFORMANCE_URL (and the key in TRIPCURVE_API_KEY) the same
tests ask a real one, made with `tripcurve up quick`; those of pools ask TRIPCURVE_CONFORMANCE_POOL_URL (key in
TRIPCURVE_CONFORMANCE_POOL_KEY), made with `tripcurve up pool`, and are skipped without it. That has not been
done yet: no Azure was at hand where this was written.

`kit.py` runs them for `make azure-conformance` and writes a report; `reproduction.py` names the `local:` option that
reproduces each difference.
"""
