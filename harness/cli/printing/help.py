"""Help of the command line: commands in groups, each with a whole sentence."""

from collections.abc import Mapping

import click

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Run": ("run", "plan", "doctor", "new"),
    "Look": ("list", "report", "figures", "tradeoff", "visualize", "explain", "why", "ui", "sync"),
    "Data": ("data",),
    "Weights": ("evaluate", "predict", "export"),
    "Results": ("diff", "merge", "bundle", "verify", "prune"),
    "Cost": ("cost", "zoo", "bench-step", "recount"),
    "Cluster": ("status", "stop"),
}
_LONGEST = 1000  # characters of a sentence


class GroupedCommands(click.Group):
    """A group whose help lists its commands under the titles of `GROUPS`."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, group by group."""
        for title, names in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [
                        (name, command.get_short_help_str(_LONGEST))
                        for name in names
                        if (command := self.get_command(ctx, name)) is not None
                    ]
                )
