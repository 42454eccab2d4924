"""Requests, replies and errors as headers and bytes, for the transports that carry bytes.

docs/wire.md specifies them. The gRPC transport and memory with serialization are built on this, and so can yours be.

The calling side sends the path of the method (`spec_of(message).path`), the seconds left (`message.time_left()`),
`request_headers`, and the bodies: one, `Wire.encode_request`, or, where `spec_of(message).takes_stream`, those of
`Wire.request_bodies`. The answering side makes a message of them with `request_from` and hands it to
`Endpoint.receive`, which decodes it once the interceptors are through. It sends back `Wire.encode_reply` of the
payload, or of each of its items where the method gives a stream, and the name of the reply's compressor, if it has
one; or, for an RpcError, `encode_error`. The calling side undoes that with `Wire.decode_reply` and `decode_error`.

Each body is a `Body`. A transport that has a way of its own for large buffers asks for them `apart`; of all others, the
`data` of a body is all of it.
"""

from oiafed_rpc.body import Body
from oiafed_rpc.wire.bodies import DEFAULT_MAX_MESSAGE_SIZE, Wire, items_of, spec_of
from oiafed_rpc.wire.headers import Headers, request_from, request_headers
from oiafed_rpc.wire.status import decode_error, encode_error

__all__ = [
    "DEFAULT_MAX_MESSAGE_SIZE",
    "Body",
    "Headers",
    "Wire",
    "decode_error",
    "encode_error",
    "items_of",
    "request_from",
    "request_headers",
    "spec_of",
]
