"""What an API Management gateway does, asked over HTTP of any that has the quick lab.

By default that is the local cloud. With TRIPCURVE_CONFORMANCE_URL (and the key in TRIPCURVE_API_KEY) the same
tests ask a real one, made with `tripcurve up quick`. That has not been done yet: no Azure was
at hand where this was written.
"""
