"""Tools for the tests of federations, and of what extends this package.

The fixtures and the conformance suite need pytest and pytest-asyncio: `pip install oiafed-rpc[test]`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oiafed_rpc.testing.clock import ManualClock
    from oiafed_rpc.testing.conformance import TransportConformance
    from oiafed_rpc.testing.fakes import Fake, Gate, Received, RecordedCall, Script, Scripts, StreamScript, UnaryScript
    from oiafed_rpc.testing.faults import Fault, FaultPlan, FaultProxy, FaultTransport, Injected
    from oiafed_rpc.testing.federation import BlockingFederation, Federation, UnfinishedCallsError

_MODULES = {
    "BlockingFederation": "federation",
    "Fault": "faults",
    "FaultPlan": "faults",
    "FaultProxy": "faults",
    "FaultTransport": "faults",
    "Federation": "federation",
    "Injected": "faults",
    "ManualClock": "clock",
    "TransportConformance": "conformance",
    "UnfinishedCallsError": "federation",
}

__all__ = [
    "BlockingFederation",
    "Fake",
    "Fault",
    "FaultPlan",
    "FaultProxy",
    "FaultTransport",
    "Federation",
    "Gate",
    "Injected",
    "ManualClock",
    "Received",
    "RecordedCall",
    "Script",
    "Scripts",
    "StreamScript",
    "TransportConformance",
    "UnaryScript",
    "UnfinishedCallsError",
]


def __getattr__(name: str) -> Any:
    """Import each when it is first used: pytest loads this package with its plugin, in every run."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_MODULES.get(name, 'fakes')}"), name)
