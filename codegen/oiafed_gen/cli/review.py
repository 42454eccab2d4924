"""Looking at a schema without generating: what it breaks of an older one, and what could be better."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from oiafed_gen.cli.errors import errors_told
from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Diagnostic, Problems, Severity
from oiafed_gen.evolution import Level, compare
from oiafed_gen.evolution.former import read_former
from oiafed_gen.generate import Resolved, resolve
from oiafed_gen.lint import lint
from oiafed_gen.provided import provided_files
from oiafed_gen.reporting import FORMATS
from oiafed_gen.sources import lines_of


@dataclasses.dataclass(frozen=True, slots=True)
class Review:
    """What to look at.

    Attributes:
        against: Where the schema is as it was: a folder, or `git:` and a revision; None to compare with nothing.
        levels: What must not break; empty for everything.
        style: Whether to look for what could be better.
        ignored: The rules of style to leave out.
    """

    against: str | None = None
    levels: tuple[Level, ...] = ()
    style: bool = False
    ignored: tuple[Code, ...] = ()

    @property
    def wanted(self) -> bool:
        """Whether there is anything to look at."""
        return self.against is not None or self.style

    def run(self, resolved: Resolved, schema: Path, lines: Mapping[str, list[str]], format_: str) -> None:
        """Print what there is to say, and exit with 1 unless that is nothing, or only warns of a change.

        Args:
            resolved: The schema as it is.
            schema: Its folder.
            lines: The lines of its files.
            format_: One of `FORMATS`.
        """
        changes = self._changes(resolved, schema, format_)
        style = lint(resolved, self.ignored) if self.style else ()
        report = FORMATS[format_](sorted((*changes, *style)), schema.as_posix(), lines)
        click.echo(report, nl=False, err=format_ == "text")
        if style or any(each.severity is Severity.ERROR for each in changes):
            sys.exit(1)

    def _changes(self, resolved: Resolved, schema: Path, format_: str) -> tuple[Diagnostic, ...]:
        """Return what the schema breaks, and say so if that is nothing."""
        if self.against is None:
            return ()
        former = Path(self.against, schema.name if self.against.startswith("git:") else "")
        with errors_told(former, format_) as lines:
            problems = Problems()
            files = read_former(self.against, schema, problems)
            lines.update(lines_of(files))
            old = resolve(files, provided_files(), problems)
        found = compare(old, resolved, self.levels or tuple(Level))
        if not found:
            click.echo("no breaking changes", err=format_ != "text")
        return found
