"""The command line, one file per group of commands."""

import os

# Figures are files. Notebooks name a backend of theirs to every command that they start, and it
# need not be installed beside the harness.
os.environ["MPLBACKEND"] = "agg"
