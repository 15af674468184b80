"""The commands `simulate`, `curve` and `tune`."""
