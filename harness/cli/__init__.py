"""The command line, one file per group of commands.

Before anything else is imported, the current folder leaves the import path: a command may be given
in a folder of somebody else.
"""

from harness.utils import children

children.forget_current_folder()
