"""What goes wrong on purpose: in the calls of a node (`FaultTransport`), and on the TCP connections between nodes
(`FaultProxy`), by one vocabulary (`FaultPlan`)."""

from oiafed_rpc.config.faults import Fault, FaultPlan
from oiafed_rpc.testing.faults.fates import Injected
from oiafed_rpc.testing.faults.proxy import FaultProxy
from oiafed_rpc.testing.faults.transport import FaultTransport

__all__ = ["Fault", "FaultPlan", "FaultProxy", "FaultTransport", "Injected"]
