"""Released weights, one file per code base."""
