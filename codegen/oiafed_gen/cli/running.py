"""Doing what the command line asks for: the only part that reads and writes folders."""

from __future__ import annotations

import dataclasses
import os
import shlex
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import click

from oiafed_gen.cli.cache import Cache, cache_folder
from oiafed_gen.cli.errors import errors_told
from oiafed_gen.cli.review import Review
from oiafed_gen.cli.watching import Watched, changes
from oiafed_gen.diagnostics import Problems
from oiafed_gen.generate import Resolved, python_files, resolve
from oiafed_gen.output.folder import CODE, PAGES, compare, generated, update
from oiafed_gen.provided import provided_files
from oiafed_gen.reporting import FORMATS
from oiafed_gen.sources import ENDINGS, SchemaFile, lines_of, read_schema
from oiafed_gen.templating import Templates, read_templates

_PAUSE = 0.2  # seconds between two looks at the schema


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One use of the command.

    Attributes:
        schema: The folder of the schema.
        output: The folder of what is generated.
        docs: The folder of the reference, if one is wanted.
        templates: The folder of templates that take the place of the generator's own, if there are any.
        check: Whether to write nothing and show what would change.
        review: What else to look at.
        format_: How mistakes are told.
    """

    schema: Path
    output: Path
    docs: Path | None = None
    templates: Path | None = None
    check: bool = False
    review: Review = dataclasses.field(default_factory=Review)
    format_: str = "text"

    def once(self) -> None:
        """Generate, or only look; exits with 1 where that fails, or where it finds something."""
        with errors_told(self.schema, self.format_) as lines:
            problems = Problems()
            files = read_schema(self.schema, problems)
            lines.update(lines_of(files))
            own = read_templates(self.templates) if self.templates else {}
            provided = provided_files()
            cache = Cache((*files, *(SchemaFile(*each) for each in own.items())), provided, cache_folder(os.environ))
            looks = bool(problems) or self.review.wanted or self.docs is not None
            if not looks and cache.knows(texts := generated(self.output)):
                click.echo(FORMATS[self.format_]((), "", {}), nl=False)  # to programs, no mistakes are an answer too
                self._bring(self.output, texts, CODE)
                return
            resolved = resolve(files, provided, problems)
            if self.review.wanted and not self.check:
                self.review.run(resolved, self.schema, lines, self.format_)
                return
            texts = self._rendered(resolved, own)
            cache.keep(texts)
            self.review.run(resolved, self.schema, lines, self.format_)
            self._bring(self.output, texts, CODE)
            if self.docs:
                from oiafed_gen.reference.site import reference  # a sixth of all modules, and seldom wanted

                self._bring(self.docs, reference(resolved.table, resolved.modules), PAGES)

    def watch(self) -> None:
        """Generate now and after every change, until it is interrupted."""
        roots = (self.schema, *((self.templates,) if self.templates else ()))
        with suppress(KeyboardInterrupt):
            seen = changes(Watched(roots, (*ENDINGS, ".j2"), ignored=self.output), lambda: time.sleep(_PAUSE))
            with suppress(SystemExit):
                self.once()
            listed = " and ".join(map(str, roots))
            click.echo(f"oiafed-gen: waiting for changes in {listed}; Ctrl-C ends it", err=True)
            for told in seen:
                click.echo(f"oiafed-gen: {', '.join(told)}", err=True)
                with suppress(SystemExit):
                    self.once()

    def _rendered(self, resolved: Resolved, own: Mapping[str, str]) -> dict[str, str]:
        with errors_told(self.templates or self.schema, self.format_) as lines:
            lines.update((name, text.split("\n")) for name, text in own.items())
            return python_files(resolved, Templates(own))
        raise AssertionError  # for type checkers: what is told ends the program

    def _bring(self, root: Path, texts: Mapping[str, str], endings: tuple[str, ...]) -> None:
        options = {"--docs": self.docs, "--templates": self.templates}
        given = [part for name, path in options.items() if path for part in (name, str(path))]
        remedy = ["oiafed-gen", str(self.schema), "-o", str(self.output), *given]
        bring_up_to_date(root, texts, check=self.check, remedy=remedy, endings=endings)


def bring_up_to_date(
    root: Path,
    texts: Mapping[str, str],
    *,
    check: bool,
    remedy: list[str],
    within: str = "",
    endings: tuple[str, ...] = CODE,
) -> None:
    """Write `texts` below `root`, or with `check` only show what would change, and exit with 1 if anything would.

    Raises:
        OutputError: The folder cannot be brought up to date.
    """
    if check:
        changes = compare(root, texts, within, endings)
        for change in changes:
            click.echo("".join(change.diff()), nl=False)
        if changes:
            click.echo(f"oiafed-gen: {root} is out of date; run: {shlex.join(remedy)}", err=True)
            sys.exit(1)
        return
    changes = update(root, texts, within, endings)
    removed = sum(change.new is None for change in changes)
    written = len(changes) - removed
    click.echo(f"oiafed-gen: {root}: {written} written, {removed} removed, {len(texts) - written} unchanged", err=True)
