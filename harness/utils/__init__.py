"""Files, locks, processes and names: what every room may use."""
