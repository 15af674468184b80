"""What the commands `simulate`, `curve` and `tune` do."""
