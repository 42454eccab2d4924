"""A network of its own for the stories, with delay and loss, where the kernel has both."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

_INSIDE = "OIAFED_CHAOS_NETEM"
_NAMESPACE = ("unshare", "--map-root-user", "--net")
_SET_UP = "ip link set lo up && tc qdisc add dev lo root netem $0"


def enter(netem: str) -> None:
    """Go on in a network namespace whose loopback has what `tc netem` says, such as `delay 20ms loss 1%`.

    The process is replaced by another of the same arguments, once.

    Raises:
        SystemExit: This machine has no such namespaces, or no netem; it says why.
    """
    if _INSIDE in os.environ:
        return
    problem = _problem(netem)
    if problem:
        sys.exit(
            f"no network with {netem!r} can be made here: {problem}\nleave --netem out: the proxy breaks and slows"
        )
    os.environ[_INSIDE] = netem
    again = (sys.executable, "-m", "tests.chaos", *sys.argv[1:])
    os.execvp(_NAMESPACE[0], (*_NAMESPACE, "sh", "-c", f'{_SET_UP} && exec "$@"', netem, *again))


def _problem(netem: str) -> str:
    missing = [tool for tool in ("unshare", "ip", "tc") if not shutil.which(tool)]
    if missing:
        return f"{' and '.join(missing)} cannot be found"
    tried = subprocess.run((*_NAMESPACE, "sh", "-c", _SET_UP, netem), capture_output=True, text=True, check=False)
    return tried.stderr.strip() if tried.returncode else ""
