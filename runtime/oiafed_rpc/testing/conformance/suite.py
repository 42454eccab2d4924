"""The whole suite."""

from __future__ import annotations

from oiafed_rpc.testing.conformance.broadcasts import Broadcasts
from oiafed_rpc.testing.conformance.codes import Codes
from oiafed_rpc.testing.conformance.context import Contexts
from oiafed_rpc.testing.conformance.endings import Endings
from oiafed_rpc.testing.conformance.errors import Errors
from oiafed_rpc.testing.conformance.hangs import Hangs
from oiafed_rpc.testing.conformance.interceptors import Interceptors
from oiafed_rpc.testing.conformance.nested import NestedCalls
from oiafed_rpc.testing.conformance.nodes import Nodes
from oiafed_rpc.testing.conformance.options import Options
from oiafed_rpc.testing.conformance.overload import Overload
from oiafed_rpc.testing.conformance.rules import Rules
from oiafed_rpc.testing.conformance.schema_less import SchemaLessCalls
from oiafed_rpc.testing.conformance.serializers import SerializersOnTheWire
from oiafed_rpc.testing.conformance.streams import Streams
from oiafed_rpc.testing.conformance.typed import TypedCalls


class TransportConformance(
    SchemaLessCalls,
    TypedCalls,
    Rules,
    Streams,
    Errors,
    Endings,
    Contexts,
    Options,
    Broadcasts,
    Nodes,
    Hangs,
    NestedCalls,
    Overload,
    Codes,
    Interceptors,
    SerializersOnTheWire,
):
    """Shows that a transport keeps the contract of all transports.

    Derive a class from it whose name begins with `Test`, with one method, `make_transport`; pytest does the rest.
    `by_reference`, `address` and `make_transport_at` are there to be overridden where their defaults do not fit.
    """
