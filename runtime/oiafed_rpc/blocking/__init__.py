"""The same node for scripts and notebooks, without `await`: `from oiafed_rpc.blocking import Node`."""

from oiafed_rpc.blocking.calls import Proxy, ProxyCollection
from oiafed_rpc.blocking.node import Node

__all__ = ["Node", "Proxy", "ProxyCollection"]
