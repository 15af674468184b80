"""Records a run: rows in Arrow streams, counts, and the other files of the run directory.

`recorder.Recorder` writes rows; `shards` joins the workers' files at the end.
"""
