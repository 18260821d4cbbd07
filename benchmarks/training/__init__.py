"""Training steps of TSN, DSA and V4D."""
