"""`tripcurve doctor`: checks, before anything is created, that `up` and a run can succeed. Every check only reads.

`examination.examine` runs the checks. Each check is a function that returns findings.
"""
