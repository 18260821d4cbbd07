"""The data sets, one file each, and readers that they share."""
