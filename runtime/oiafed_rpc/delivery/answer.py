"""What came of a call, as its caller gets it."""

from __future__ import annotations

from typing import NamedTuple

from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.errors import Code, RetriableError, RpcError
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.wire.status import encode_error

_BESIDE = 512  # bytes that any remembered call takes, roughly


class Answer(NamedTuple):
    """The answer to a unary call in its bytes.

    Attributes:
        data: The body of the reply; of a failure its `google.rpc.Status`.
        encoding: The compression of the body; empty for none.
        code: What kind of failure it is; None for a result.
        message: What the failure says.
        outgoing: What the body has left out, for the caller to fetch.
        ran: Whether the handler may have run.
    """

    data: bytes
    encoding: str = ""
    code: Code | None = None
    message: str = ""
    outgoing: Outgoing | None = None
    ran: bool = True

    @property
    def size(self) -> int:
        """Bytes that it takes, roughly, without what the body has left out."""
        return _BESIDE + len(self.data)


def failed(error: RpcError, serializers: Serializers) -> Answer:
    """The answer of a call that has failed."""
    ran = not (isinstance(error, RetriableError) and error.ran is False)
    return Answer(encode_error(error, serializers), code=error.code, message=error.message, ran=ran)
