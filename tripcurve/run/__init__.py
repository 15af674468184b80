"""The run contract: the record of one request, the files of a run directory, and what is read back from them.

Traffic and the simulator write runs through these modules and reports read them; nothing else knows the format.
"""
