"""The run of many trials: processes, stops, status, checks."""
