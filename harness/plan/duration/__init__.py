"""The time that trials of a plan will take."""
