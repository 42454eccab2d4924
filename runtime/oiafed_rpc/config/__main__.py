"""Write the JSON Schema of a configuration's file: `python -m oiafed_rpc.config --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from oiafed_rpc.config.schema import schema_text

SHIPPED = Path(__file__).with_name("node.schema.json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the schema, or check it; the exit code is 1 where it is stale."""
    parser = argparse.ArgumentParser(
        prog="python -m oiafed_rpc.config",
        description="Write the JSON Schema of a node's configuration, which lets editors complete and check it.",
    )
    parser.add_argument(
        "file", nargs="?", default=str(SHIPPED), help="where to write it; - prints it; default: the one in the package"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where the file is out of date")
    options = parser.parse_args(arguments)
    if options.file == "-":
        sys.stdout.write(schema_text())
        return 0
    path = Path(options.file)
    return _check(path) if options.check else _write(path)


def _write(path: Path) -> int:
    try:
        path.write_text(schema_text(), encoding="utf-8")
    except OSError as error:
        print(f"{path}: cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _check(path: Path) -> int:
    try:
        if path.read_text(encoding="utf-8") == schema_text():
            return 0
        problem = "is out of date"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    print(f"{path}: {problem}: write it with `python -m oiafed_rpc.config`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
