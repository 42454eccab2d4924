"""`oiafed-gen`: starts the command line, or says in one sentence what has to be installed for it."""

from __future__ import annotations

import sys

from oiafed_gen.tools import missing_tools


def main() -> None:
    """Run `oiafed-gen`."""
    missing = missing_tools()
    if missing:
        print(
            f"oiafed-gen: the generator is not installed ({', '.join(missing)} cannot be found); "
            "run: pip install 'oiafed-rpc[gen]'",
            file=sys.stderr,
        )
        sys.exit(1)
    try:
        from oiafed_gen.command import command  # which needs them

        command(prog_name="oiafed-gen")
    except KeyboardInterrupt:  # while modules were imported; later click sees it
        sys.exit(1)
