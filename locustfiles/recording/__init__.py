"""What a process keeps of a run: rows in Arrow streams, counts, and the content of the run directory.

`recorder.Recorder` writes rows; `shards` joins the workers' files at the end.
"""
