"""The command line."""

from __future__ import annotations

from pathlib import Path

import click

from oiafed_gen.cli.init import init
from oiafed_gen.cli.review import Review
from oiafed_gen.cli.running import Run
from oiafed_gen.cli.subcommands import Folder, FolderOrCommand, MainCommand
from oiafed_gen.codes import Code
from oiafed_gen.evolution import Level
from oiafed_gen.lint import RULES
from oiafed_gen.reading.yaml.json_schema import schema_text
from oiafed_gen.reporting import FORMATS

_EPILOG = """
Exits with 0 if all is well, 1 if the schema has mistakes, if --check, --against or --lint finds something or if a
folder cannot be written, and 2 if the command itself is wrong.

The code in brackets of a mistake, as in error[unknown-type], has a page with an example and its remedy: see
docs/diagnostics where oiafed-rpc comes from.
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
    type=Folder(path_type=Path, file_okay=False),
    default="generated",
    show_default=True,
    help="The folder to write to.",
)
@click.option(
    "--docs",
    type=Folder(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write an HTML reference of the schema to the folder DIR as well.",
)
@click.option(
    "--templates",
    type=Folder(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="A folder of templates that take the place of the generator's own, or of single blocks of them.",
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
    templates: Path | None,
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
    if against == "":
        raise click.BadParameter("no name is given; the current folder is '.'", param_hint="--against")
    review = Review(against, tuple(map(Level, levels)), style, tuple(map(Code, ignored)))
    if watch and review.wanted:
        raise click.UsageError("--watch writes what changes, and --against and --lint write nothing")
    run = Run(
        schema=schema,
        output=output,
        docs=docs,
        templates=templates,
        check=check,
        review=review,
        format_=format_,
    )
    if watch:
        run.watch()
    else:
        run.once()


command.add(init)
