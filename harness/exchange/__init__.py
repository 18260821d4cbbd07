"""Results exchanged with programs and people: data frames, differences, merges and bundles."""
