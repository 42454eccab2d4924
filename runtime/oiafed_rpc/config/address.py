"""Where a node can be reached."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from typing_extensions import override

from oiafed_rpc.config import rules
from oiafed_rpc.config.environment import Filled
from oiafed_rpc.config.problems import InvalidError, Path
from oiafed_rpc.config.rules import Rule, shown, text
from oiafed_rpc.config.section import Section

_ADDRESS = re.compile(r"(?P<node_id>[^@]+)@(\[(?P<ipv6>[^\]]+)\]|(?P<host>[^:\[\]]+)):(?P<port>\d{1,5})")


class Address(Section, frozen=True, kw_only=True):
    """A node and where it listens, written `learner_0@192.168.1.2:50052` or `learner_0@[fe80::1]:50052`.

    Attributes:
        node_id: The id of the node.
        host: A host name or an IP address, without brackets.
        port: Its TCP port.
    """

    example: ClassVar[str] = "{node_id: learner_0, host: 127.0.0.1, port: 50051}"

    node_id: Annotated[str, Rule(rules.name)]
    host: Annotated[str, Rule(rules.host)]
    port: Annotated[int, Rule(rules.port)]

    @classmethod
    def parse(cls, written: str) -> Address:
        """Read an address as people write it.

        Raises:
            ConfigError: It is not `id@host:port`.
        """
        match = _ADDRESS.fullmatch(text(written))
        if not match:
            raise _not_an_address(written)
        return cls(node_id=match["node_id"], host=match["ipv6"] or match["host"], port=int(match["port"]))

    @override
    def conflicts(self) -> dict[Path, str]:
        """Port 0 is a wish of a listener, not a place to connect to."""
        return {} if self.port else {("port",): "must be the port that the node listens on, not 0"}

    @override
    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.node_id}@{host}:{self.port}"


def address(value: object) -> Address:
    """The check of an address: one, or one as it is written."""
    if isinstance(value, Address):
        return value
    try:
        return Address.parse(text(value))
    except InvalidError:
        if isinstance(value, Filled):  # its parts must not be told of either
            raise _not_an_address(value) from None
        raise


def _not_an_address(value: object) -> InvalidError:
    return InvalidError(f"must be id@host:port, such as learner_0@192.168.1.2:50052, not {shown(value)}")
