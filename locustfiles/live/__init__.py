"""Show a run while it is under way: the Breaker tab of Locust's web page, Locust's statistics, the progress line.

`counts.Live` holds the figures; `pages` puts them into the page.
"""
