"""Plans: which trials to run, what they cost, what they can decide."""
