"""A command that has others beside it, each by its first word: `oiafed-gen schema`, `oiafed-gen init DIR`."""

from __future__ import annotations

import os
from typing import Any

import click
from click.shell_completion import CompletionItem


class MainCommand(click.Command):
    """A command that gives way to another where the first word of the line is that one's name.

    What is a name and a folder as well means the command; the folder is then written `./init`.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.others: dict[str, click.Command] = {}

    def add(self, other: click.Command) -> None:
        """Put another command beside this one, under its own name."""
        self.others[str(other.name)] = other

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the line as that of the command it is for."""
        other = self.others.get(args[0]) if args else None
        if other is None:
            return super().make_context(info_name, args, parent, **extra)
        shared = {key: value for key, value in self.context_settings.items() if key not in other.context_settings}
        return other.make_context(f"{info_name} {args[0]}", args[1:], parent, **{**shared, **extra})

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that the line is for."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the options, and the other commands below them."""
        super().format_options(ctx, formatter)
        if self.others:
            with formatter.section("Other commands"):
                rows = [(name, other.get_short_help_str(80)) for name, other in sorted(self.others.items())]
                formatter.write_dl(rows)


class Folder(click.Path):
    """A folder. One without a name, as a variable that is not set gives, is not taken for the current one."""

    name = "directory"

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Return the folder; fails where it is not what it has to be."""
        if value == "":
            self.fail("no name is given; the current folder is '.'", param, ctx)
        return super().convert(value, param, ctx)


class FolderOrCommand(Folder):
    """The first word of the line, for completion: a folder, or the name of another command."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer folders, and the names that fit."""
        names = ctx.command.others if isinstance(ctx.command, MainCommand) else {}
        commands = [CompletionItem(name) for name in names if incomplete and name.startswith(incomplete)]
        return [*commands, CompletionItem(incomplete, type="dir")]
