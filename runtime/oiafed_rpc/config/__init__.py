"""The configuration of a node: a frozen value, read from YAML or a mapping and checked when it is made."""

from oiafed_rpc.config.address import Address
from oiafed_rpc.config.model import (
    IdentityConfig,
    InterceptorConfig,
    ListenConfig,
    NodeConfig,
    TimeoutConfig,
    TransportConfig,
)

__all__ = [
    "Address",
    "IdentityConfig",
    "InterceptorConfig",
    "ListenConfig",
    "NodeConfig",
    "TimeoutConfig",
    "TransportConfig",
]
