"""`python -m oiafed_gen.bootstrap`: generate what the runtime itself is made with.

That is `oiafed_rpc.system` from schema/oiafed/v1, and the stubs of the conformance suite from the schema that lies
beside it. It is the same generation as any other. Only the places are special: the files lie inside the runtime, whose
packages exist already, and the .proto files of the system lie beside their modules, where the generator finds them for
users' schemas.
"""

from __future__ import annotations

from pathlib import Path

import click

from oiafed_gen.cli.errors import errors_told
from oiafed_gen.cli.running import bring_up_to_date
from oiafed_gen.generate import generate
from oiafed_gen.header import python_header
from oiafed_gen.provided import Provided, provided_files, well_known_files
from oiafed_gen.sources import SchemaFile

_FOLDER = "oiafed/v1"
_SYSTEM = "oiafed_rpc/system"
_INIT = f'''{python_header([_FOLDER])}\
"""The protocol that every node speaks. Imports nothing: what the runtime is built on takes its messages from here."""
'''

_STUBS = "oiafed_rpc/testing/stubs"
_SUITE = Path("oiafed_rpc/testing/conformance.yaml")
_REMEDY = ["python", "-m", "oiafed_gen.bootstrap"]


def system_files(schema: Path) -> dict[str, str]:
    """Return the texts of `oiafed_rpc.system` by path below the runtime's folder.

    Args:
        schema: The folder that holds oiafed/v1.
    """
    paths = sorted((schema / _FOLDER).glob("*.proto"))
    files = tuple(SchemaFile(f"{_FOLDER}/{path.name}", path.read_text(encoding="utf-8")) for path in paths)
    texts = generate(files, Provided(well_known_files()))
    texts[f"{_SYSTEM}/__init__.py"] = _INIT  # the runtime's parts import single modules of it
    for module in ("blocking", "testing"):
        del texts[f"{_SYSTEM}/{module}.py"]  # nodes speak to one another without users
    moved = {path.replace(f"{_FOLDER}/", f"{_SYSTEM}/wire/", 1): text for path, text in texts.items()}
    return {path: text for path, text in moved.items() if path.startswith(f"{_SYSTEM}/")}


def stub_files(schema: Path) -> dict[str, str]:
    """Return the texts of the conformance suite's stubs by path below the runtime's folder.

    Args:
        schema: The file that they are generated from.
    """
    texts = generate((SchemaFile(schema.name, schema.read_text(encoding="utf-8")),), provided_files())
    kept = {path: text for path, text in texts.items() if not path.startswith(("oiafed/", "conformance/py.typed"))}
    init = f'{python_header([schema.name])}"""What is generated from {schema.name}."""\n'
    return {f"{_STUBS}/{path}": text for path, text in {"__init__.py": init, **kept}.items()}


@click.command()
@click.option(
    "--schema", type=click.Path(path_type=Path, exists=True, file_okay=False), default="schema", show_default=True
)
@click.option("--output", type=click.Path(path_type=Path), default="runtime", show_default=True)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and show the difference if it is out of date.")
def main(schema: Path, output: Path, check: bool) -> None:
    """Generate the runtime's own messages and services, and the stubs that its conformance suite calls."""
    with errors_told(schema):
        bring_up_to_date(output, system_files(schema), check=check, remedy=_REMEDY, within=_SYSTEM)
    with errors_told(output / _SUITE.parent):
        bring_up_to_date(output, stub_files(output / _SUITE), check=check, remedy=_REMEDY, within=_STUBS)


if __name__ == "__main__":
    main()
