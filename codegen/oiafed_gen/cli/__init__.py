"""`oiafed-gen` and `protoc-gen-oiafed`: start what they are, or say in one sentence what has to be installed for it."""

from __future__ import annotations

import gc
import sys

from oiafed_gen.tools import missing_tools


def main() -> None:
    """Run `oiafed-gen`."""
    _need("oiafed-gen")
    gc.set_threshold(100_000)  # what is made for a schema is kept to the end; looking through it is wasted
    try:
        from oiafed_gen.cli.command import command  # which needs them

        command(prog_name="oiafed-gen")
    except KeyboardInterrupt:  # while modules were imported; later click sees it
        sys.exit(1)


def plugin() -> None:
    """Run `protoc-gen-oiafed`, which protoc and buf start."""
    _need("protoc-gen-oiafed")
    from oiafed_gen.protoc_plugin import main as answer

    answer()


def _need(program: str) -> None:
    missing = missing_tools()
    if missing:
        print(
            f"{program}: the generator is not installed ({', '.join(missing)} cannot be found); "
            "run: pip install 'oiafed-rpc[gen]'",
            file=sys.stderr,
        )
        sys.exit(1)
