"""What a run shows while it is under way: the Breaker tab of Locust's web page, its statistics, the progress line.

`counts.Live` holds the figures; `pages` puts them into the page.
"""
