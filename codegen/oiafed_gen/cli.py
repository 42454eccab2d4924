"""The command line: the only part that reads and writes folders."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from oiafed_gen.diagnostics import Problems, SchemaError
from oiafed_gen.generate import generate
from oiafed_gen.output import ForeignFileError, apply, compare
from oiafed_gen.sources import provided_files, read_schema


@click.command(name="oiafed-gen", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("schema", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default="generated",
    show_default=True,
    help="The folder to write to.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and show the difference if OUTPUT is out of date.")
@click.version_option(package_name="oiafed-rpc")
def main(schema: Path, output: Path, check: bool) -> None:
    """Generate typed Python from the YAML and .proto files in the folder SCHEMA."""
    problems = Problems()
    try:
        texts = generate(read_schema(schema, problems), provided_files(), problems)
    except SchemaError as error:
        for diagnostic in error.diagnostics:
            click.echo(diagnostic.text(schema.as_posix()), err=True)
        sys.exit(1)
    sys.exit(bring_up_to_date(output, texts, check=check))


def bring_up_to_date(root: Path, texts: Mapping[str, str], *, check: bool, within: str = "") -> int:
    """Write `texts` below `root`, or with `check` only show what would change; return the exit code."""
    changes = compare(root, texts, within)
    if check:
        for change in changes:
            click.echo("".join(change.diff()), nl=False)
        return 1 if changes else 0
    try:
        apply(root, changes)
    except (ForeignFileError, OSError) as error:
        click.echo(f"oiafed-gen: {error}", err=True)
        return 1
    return 0
