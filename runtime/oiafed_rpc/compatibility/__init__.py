"""Whether two versions of a schema understand each other, from protobuf's descriptors alone.

Two questions have two answers. Of a schema that was changed, `differences` and its kin tell everything that breaks
nodes in the field now or may do so later, as buf's WIRE and WIRE_JSON categories do. Of two nodes that run,
`call_differences` tells only what would arrive wrongly: a field that one of them does not have is no hindrance.
"""

from oiafed_rpc.compatibility.comparison import (
    call_differences,
    differences,
    enum_differences,
    message_differences,
    method_differences,
    misread,
    service_differences,
)
from oiafed_rpc.compatibility.rule import Difference, Level, Rule

__all__ = [
    "Difference",
    "Level",
    "Rule",
    "call_differences",
    "differences",
    "enum_differences",
    "message_differences",
    "method_differences",
    "misread",
    "service_differences",
]
