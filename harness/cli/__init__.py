"""The command line, one file per group of commands.

Before anything else is imported, the current folder leaves the import path: a command may be given
in a folder of somebody else.
"""

import os

from harness.utils import children

children.forget_current_folder()
# Figures are files. Notebooks name a backend of theirs to every command that they start, and it
# need not be installed beside the harness.
os.environ["MPLBACKEND"] = "agg"
