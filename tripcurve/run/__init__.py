"""The run contract: one request's record (`record`), run.json (`info`) and the files of a run directory (`layout`).

Traffic and the simulator write runs through these modules, and reports read them; nothing else knows the format.
`merging.in_start_order` joins the records of several processes.
"""
