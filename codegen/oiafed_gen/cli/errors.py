"""Telling people and programs what went wrong."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import click

from oiafed_gen.diagnostics import SchemaError
from oiafed_gen.output.folder import OutputError
from oiafed_gen.reporting import FORMATS
from oiafed_gen.tools import ToolError


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
