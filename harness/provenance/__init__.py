"""Origin of a record: the definitions that its trial ran, libraries, machine and commit."""
