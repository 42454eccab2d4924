"""`oiafed-gen init DIR`."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from oiafed_gen.cli.subcommands import Folder
from oiafed_gen.output.transaction import alone, replace_files
from oiafed_gen.project.naming import package_of, problem_with
from oiafed_gen.project.render import project_files

_MAY_BE_THERE = frozenset([".git", ".venv"])


class NotEmptyError(Exception):
    """The folder for a new project has files already."""


def new_project(folder: Path, package: str) -> dict[str, str]:
    """Write a new project into a folder that is empty, or has a repository or a virtual environment only.

    Args:
        folder: The folder; made where it is not there.
        package: The name of its Python package.

    Returns:
        The texts of the files, by path.

    Raises:
        NotEmptyError: There are other files; nothing has been changed.
        OSError: The files cannot be written; nothing has been changed.
    """
    texts = project_files(package)
    with alone(folder):
        there = sorted({entry.name for entry in folder.iterdir()} - _MAY_BE_THERE)
        if there:
            more = f" and {len(there) - 3} more" if len(there) > 3 else ""
            raise NotEmptyError(f"{folder} is not empty: it has {', '.join(there[:3])}{more}; name a new folder")
        replace_files(folder, texts)
    return texts


@click.command()
@click.argument("folder", metavar="DIR", type=Folder(path_type=Path))
@click.option("--package", help="The name of its Python package; by default made of the name of DIR.")
def init(folder: Path, package: str | None) -> None:
    """Set up a new project in the folder DIR: schema, learner, trainer, configurations, Makefile and tests.

    DIR must be empty but for a Git repository and .venv, or not be there yet.
    """
    chosen = package_of(folder.resolve().name) if package is None else package
    problem = problem_with(chosen)
    if problem is not None:
        raise click.BadParameter(f"{chosen!r} cannot be the package's name: {problem}", param_hint="--package")
    try:
        texts = new_project(folder, chosen)
    except (NotEmptyError, OSError) as error:
        click.echo(f"oiafed-gen: {_told(error)}", err=True)
        sys.exit(1)
    click.echo(f"oiafed-gen: {folder}: a new project, {len(texts)} files, with the package {chosen!r}\n")
    click.echo(_next_steps(folder))


def _told(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename} cannot be written: {error.strerror or error}"
    return str(error)


def _next_steps(folder: Path) -> str:
    steps = [f"cd {shlex.quote(str(folder))}"] if folder.resolve() != Path.cwd() else []
    if not os.environ.get("VIRTUAL_ENV"):
        steps.append("make install OIAFED=path/to/a/checkout/of/oiafed-rpc")
    steps += ["make run        # train in one process", "make processes  # train as three, over gRPC", "make test"]
    return "\n".join(("Next:", *(f"  {step}" for step in steps)))
