"""Where a node listens: a host and a port, or the socket of a file system."""

from __future__ import annotations

import re
from typing import cast

from oiafed_rpc.config.problems import InvalidError, Path
from oiafed_rpc.config.rule import VARIABLE, Schema, given, like, shown, single, text
from oiafed_rpc.config.rules import plain_number

UNIX = "unix:"
"""What the host of a Unix socket begins with; its path follows."""

UNIX_HOST = r"unix(-abstract)?:.*"
"""All that is meant as a Unix socket, right or wrong."""

NO_PORT = cast("int", None)
"""The default of a port, for a Unix socket. It becomes 0 there, and is refused elsewhere."""

PORTS: Schema = {
    "if": {**given("host"), "properties": {"host": {"type": "string", "pattern": f"^{UNIX}"}}},
    "then": {"properties": {"port": {"enum": [0, None]}}},
    "else": {"anyOf": [given("port"), {"properties": {"host": VARIABLE}, "required": ["host"]}]},
}
"""With a host that is a Unix socket there is no port, with any other there is one; a variable may hold either."""

_LONGEST_PATH = 107  # bytes of sockaddr_un.sun_path, less the zero at its end
_UNIX_PATH = r"/[A-Za-z0-9_.,:@+=~-][A-Za-z0-9_.,:@+=~/-]*"  # what gRPC's URIs take as it is


@single(
    like(r"(?!unix(-abstract)?:)[^\s@/\[\]]+"),
    {**like(f"{UNIX}{_UNIX_PATH}"), "maxLength": len(UNIX) + _LONGEST_PATH},
)
def host(value: object) -> str:
    """A host name, an IP address, or `unix:` and the path of a socket."""
    found = text(value)
    if re.fullmatch(UNIX_HOST, found):
        _check_unix(found.removeprefix(UNIX), value)
    elif not found.isprintable() or any(char.isspace() or char in "@/[]" for char in found):
        raise InvalidError(f"must be a host name, an IP address or unix:/path, not {shown(value)}")
    return found


@single({"type": "integer", "minimum": 0, "maximum": 65535})
def port(value: object) -> int:
    """A TCP port; 0 stands for any free one."""
    number = plain_number(value)
    if not isinstance(number, int) or not 0 <= number <= 65535:
        raise InvalidError(f"must be a whole number from 0 (any free port) to 65535, not {shown(value)}")
    return number


def is_unix(host: str) -> bool:
    """Whether a host that was checked is a Unix socket."""
    return host.startswith(UNIX)


def port_conflicts(host: str, port: int | None) -> dict[Path, str]:
    """Path → problem, where a port is missing or one too many."""
    if is_unix(host):
        return {("port",): "a Unix socket has no port: leave it out"} if port else {}
    return {("port",): "is missing: it is needed, except with `host: unix:/path`"} if port is None else {}


def _check_unix(path: str, value: object) -> None:
    if not re.fullmatch(_UNIX_PATH, path):
        raise InvalidError(
            "must be unix: and an absolute path of letters, digits and _.,:@+=~- such as unix:/run/node.sock,"
            f" not {shown(value)}"
        )
    if len(path) > _LONGEST_PATH:  # of ASCII, by now
        raise InvalidError(f"the path of a Unix socket may have {_LONGEST_PATH} bytes, this one has {len(path)}")
