"""Where a node can be reached."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

import msgspec
from typing_extensions import override

from oiafed_rpc.config import place, rules
from oiafed_rpc.config.environment import Filled
from oiafed_rpc.config.place import NO_PORT, UNIX_HOST, is_unix, port_conflicts
from oiafed_rpc.config.problems import InvalidError, Path
from oiafed_rpc.config.rule import like, shown, single, text
from oiafed_rpc.config.section import Section

_ADDRESS = rf"(?P<node_id>[^@]+)@((?P<unix>{UNIX_HOST})|(\[(?P<ipv6>[^\]]+)\]|(?P<host>[^:\[\]]+)):(?P<port>\d{{1,5}}))"


class Address(Section, frozen=True, kw_only=True):
    """A node and where it listens.

    It is written `learner_0@192.168.1.2:50052`, `learner_0@[fe80::1]:50052` or `learner_0@unix:/run/l.sock`.

    Attributes:
        node_id: The id of the node.
        host: A host name, an IP address without brackets, or `unix:` and the absolute path of a socket.
        port: Its TCP port; 0 with a Unix socket.
    """

    example: ClassVar[str] = "{node_id: learner_0, host: 127.0.0.1, port: 50051}"

    node_id: Annotated[str, rules.name]
    host: Annotated[str, place.host]
    port: Annotated[int, place.port] = NO_PORT

    @classmethod
    def parse(cls, written: str) -> Address:
        """Read an address as people write it.

        Raises:
            ConfigError: It is neither `id@host:port` nor `id@unix:/path`.
        """
        match = re.fullmatch(_ADDRESS, text(written))
        if not match:
            raise _not_an_address(written)
        where = match["unix"] or match["ipv6"] or match["host"]
        return cls(node_id=match["node_id"], host=where, port=int(match["port"] or 0))

    @override
    def conflicts(self) -> dict[Path, str]:
        """Port 0 is a wish of a listener, not a place to connect to."""
        problems = port_conflicts(self.host, self.port)
        if problems or self.port:
            return problems
        if not is_unix(self.host):
            return {("port",): "must be the port that the node listens on, not 0"}
        msgspec.structs.force_setattr(self, "port", 0)
        return {}

    @override
    def __str__(self) -> str:
        if is_unix(self.host):
            return f"{self.node_id}@{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.node_id}@{host}:{self.port}"


@single(like(_ADDRESS))
def address(value: object) -> Address:
    """An address: one, or one as it is written."""
    if isinstance(value, Address):
        return value
    try:
        return Address.parse(text(value))
    except InvalidError:
        if isinstance(value, Filled):  # its parts must not be told of either
            raise _not_an_address(value) from None
        raise


def _not_an_address(value: object) -> InvalidError:
    return InvalidError(
        f"must be id@host:port, such as learner_0@192.168.1.2:50052, or id@unix:/path, not {shown(value)}"
    )
