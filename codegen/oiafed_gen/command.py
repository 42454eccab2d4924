"""The command line: the only part that reads and writes folders."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import click

from oiafed_gen.diagnostics import Problems, SchemaError
from oiafed_gen.generate import generate
from oiafed_gen.output import OutputError, compare, update
from oiafed_gen.provided import provided_files
from oiafed_gen.reporting import FORMATS
from oiafed_gen.sources import ENDINGS, read_schema
from oiafed_gen.subcommands import FolderOrCommand, MainCommand
from oiafed_gen.tools import ToolError
from oiafed_gen.watching import Watched, changes

_PAUSE = 0.2  # seconds between two looks at the schema

_EPILOG = """
Exits with 0 if all is well, 1 if the schema has mistakes, if --check finds a difference or if OUTPUT cannot be
written, and 2 if the command itself is wrong.
"""


@click.command(
    name="oiafed-gen", cls=MainCommand, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG
)
@click.argument("schema", type=FolderOrCommand(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default="generated",
    show_default=True,
    help="The folder to write to.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and show the difference if OUTPUT is out of date.")
@click.option("--watch", is_flag=True, help="Generate again whenever the schema changes, until Ctrl-C.")
@click.option(
    "--format",
    "format_",
    type=click.Choice([*FORMATS]),
    default="text",
    show_default=True,
    help="How mistakes in the schema are told: text goes to stderr, json and github to stdout.",
)
@click.version_option(package_name="oiafed-rpc")
def command(schema: Path, output: Path, check: bool, watch: bool, format_: str) -> None:
    """Generate typed Python from the YAML and .proto files in the folder SCHEMA.

    Files in OUTPUT that a former run wrote and this one does not are removed; no other file is touched.
    """
    if watch and check:
        raise click.UsageError("--watch writes what changes and --check writes nothing; give one of them")
    run = partial(_run, schema, output, check, format_)
    if watch:
        _watch(schema, output, run)
    else:
        run()


def _run(schema: Path, output: Path, check: bool, format_: str) -> None:
    """Generate once; exits with 1 where that fails, or where `check` finds a difference."""
    with errors_told(schema, format_) as lines:
        problems = Problems()
        files = read_schema(schema, problems)
        lines.update((file.path, file.text.split("\n")) for file in files)
        texts = generate(files, provided_files(), problems)
        click.echo(FORMATS[format_]((), "", {}), nl=False)  # to programs, no mistakes are an answer too
        bring_up_to_date(output, texts, check=check, remedy=["oiafed-gen", str(schema), "-o", str(output)])


def _watch(schema: Path, output: Path, run: Callable[[], None]) -> None:
    """Generate now and after every change, until it is interrupted."""
    with suppress(KeyboardInterrupt):
        seen = changes(Watched((schema,), ENDINGS, ignored=output), lambda: time.sleep(_PAUSE))
        with suppress(SystemExit):
            run()
        click.echo(f"oiafed-gen: waiting for changes in {schema}; Ctrl-C ends it", err=True)
        for told in seen:
            click.echo(f"oiafed-gen: {', '.join(told)}", err=True)
            with suppress(SystemExit):
                run()


@contextmanager
def errors_told(schema: Path, format_: str = "text") -> Generator[dict[str, list[str]]]:
    """Print what went wrong inside, and exit with 1.

    Args:
        schema: The folder that locations are relative to.
        format_: One of `FORMATS`.

    Yields:
        Takes the lines of each file, for excerpts.
    """
    lines: dict[str, list[str]] = {}
    try:
        yield lines
    except SchemaError as error:
        report = FORMATS[format_](error.diagnostics, schema.as_posix(), lines)
        click.echo(report, nl=False, err=format_ == "text")
        sys.exit(1)
    except (OutputError, ToolError, OSError) as error:  # the last: no room for temporary files, and the like
        click.echo(f"oiafed-gen: {error}", err=True)
        sys.exit(1)


def bring_up_to_date(root: Path, texts: Mapping[str, str], *, check: bool, remedy: list[str], within: str = "") -> None:
    """Write `texts` below `root`, or with `check` only show what would change, and exit with 1 if anything would.

    Raises:
        OutputError: The folder cannot be brought up to date.
    """
    if check:
        changes = compare(root, texts, within)
        for change in changes:
            click.echo("".join(change.diff()), nl=False)
        if changes:
            click.echo(f"oiafed-gen: {root} is out of date; run: {shlex.join(remedy)}", err=True)
            sys.exit(1)
        return
    changes = update(root, texts, within)
    removed = sum(change.new is None for change in changes)
    written = len(changes) - removed
    click.echo(f"oiafed-gen: {root}: {written} written, {removed} removed, {len(texts) - written} unchanged", err=True)
