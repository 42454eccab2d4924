"""The configuration of a node: a frozen value, read from YAML or a mapping and checked when it is made."""

from oiafed_rpc.config.address import Address
from oiafed_rpc.config.faults import Fault, FaultPlan
from oiafed_rpc.config.limits import LimitsConfig, MethodLimitConfig
from oiafed_rpc.config.model import IdentityConfig, ListenConfig, NodeConfig
from oiafed_rpc.config.reliability import DeliveryConfig, HeartbeatConfig, ReconnectConfig, RetryConfig, TimeoutConfig
from oiafed_rpc.config.transport import InterceptorConfig, LanesConfig, TlsConfig, TransportConfig

__all__ = [
    "Address",
    "DeliveryConfig",
    "Fault",
    "FaultPlan",
    "HeartbeatConfig",
    "IdentityConfig",
    "InterceptorConfig",
    "LanesConfig",
    "LimitsConfig",
    "ListenConfig",
    "MethodLimitConfig",
    "NodeConfig",
    "ReconnectConfig",
    "RetryConfig",
    "TimeoutConfig",
    "TlsConfig",
    "TransportConfig",
]
