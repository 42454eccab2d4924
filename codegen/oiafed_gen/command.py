"""The command line: the only part that reads and writes folders."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import click

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Problems
from oiafed_gen.evolution import Level
from oiafed_gen.generate import python_files, resolve
from oiafed_gen.lint import RULES
from oiafed_gen.memory import Memory, cache_folder
from oiafed_gen.output import CODE, PAGES, compare, generated, update
from oiafed_gen.project.command import init
from oiafed_gen.provided import provided_files
from oiafed_gen.reading.yaml.json_schema import schema_text
from oiafed_gen.reference.site import reference
from oiafed_gen.reporting import FORMATS
from oiafed_gen.review import Review
from oiafed_gen.sources import ENDINGS, read_schema
from oiafed_gen.subcommands import FolderOrCommand, MainCommand
from oiafed_gen.telling import errors_told
from oiafed_gen.watching import Watched, changes

_PAUSE = 0.2  # seconds between two looks at the schema

_EPILOG = """
Exits with 0 if all is well, 1 if the schema has mistakes, if --check, --against or --lint finds something or if a
folder cannot be written, and 2 if the command itself is wrong.
"""


def print_json_schema(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the JSON Schema of schema files, if it is wanted, and exit."""
    if wanted and not context.resilient_parsing:
        click.echo(schema_text(), nl=False)
        context.exit()


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
@click.option(
    "--docs",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write an HTML reference of the schema to the folder DIR as well.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and show the difference if OUTPUT is out of date.")
@click.option("--watch", is_flag=True, help="Generate again whenever the schema changes, until Ctrl-C.")
@click.option(
    "--against",
    metavar="DIR|git:REV",
    help="Write nothing; tell what SCHEMA breaks of the schema in DIR, or of SCHEMA itself at a git revision.",
)
@click.option(
    "--level",
    "levels",
    type=click.Choice([level.value for level in Level]),
    multiple=True,
    help="What --against looks at: bytes between nodes, their JSON form, Python code. By default all; can be repeated.",
)
@click.option("--lint", "style", is_flag=True, help="Write nothing; tell what could be better in SCHEMA.")
@click.option(
    "--ignore",
    "ignored",
    type=click.Choice([code.value for code in RULES]),
    multiple=True,
    metavar="CODE",
    help="A code that --lint leaves out; can be repeated.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice([*FORMATS]),
    default="text",
    show_default=True,
    help="How mistakes in the schema are told: text goes to stderr, json and github to stdout.",
)
@click.option(
    "--json-schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_json_schema,
    help="Print the JSON Schema of schema files in YAML, for editors, and exit.",
)
@click.version_option(package_name="oiafed-rpc")
def command(
    schema: Path,
    output: Path,
    docs: Path | None,
    check: bool,
    watch: bool,
    against: str | None,
    levels: tuple[str, ...],
    style: bool,
    ignored: tuple[str, ...],
    format_: str,
) -> None:
    """Generate typed Python from the YAML and .proto files in the folder SCHEMA.

    Files in OUTPUT, and in DIR, that a former run wrote and this one does not are removed; no other file is touched.
    """
    if watch and check:
        raise click.UsageError("--watch writes what changes and --check writes nothing; give one of them")
    review = Review(against, tuple(map(Level, levels)), style, tuple(map(Code, ignored)))
    if watch and review.wanted:
        raise click.UsageError("--watch writes what changes, and --against and --lint write nothing")
    run = partial(_run, schema, output, docs, check, review, format_)
    if watch:
        _watch(schema, output, run)
    else:
        run()


command.add(init)


def _run(schema: Path, output: Path, docs: Path | None, check: bool, review: Review, format_: str) -> None:
    """Generate once, or only look; exits with 1 where that fails, or where `check` or `review` finds something."""
    with errors_told(schema, format_) as lines:
        problems = Problems()
        files = read_schema(schema, problems)
        lines.update((file.path, file.text.split("\n")) for file in files)
        remedy = ["oiafed-gen", str(schema), "-o", str(output), *(("--docs", str(docs)) if docs else ())]
        provided = provided_files()
        memory = Memory(files, provided, cache_folder(os.environ))
        if not (problems or review.wanted or docs) and memory.knows(former := generated(output)):
            click.echo(FORMATS[format_]((), "", {}), nl=False)
            bring_up_to_date(output, former, check=check, remedy=remedy)
            return
        resolved = resolve(files, provided, problems)
        review.run(resolved, schema, lines, format_)  # to programs, no mistakes are an answer too
        if review.wanted and not check:
            return
        texts = python_files(resolved)
        memory.keep(texts)
        bring_up_to_date(output, texts, check=check, remedy=remedy)
        if docs:
            pages = reference(resolved.table, resolved.modules)
            bring_up_to_date(docs, pages, check=check, remedy=remedy, endings=PAGES)


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
