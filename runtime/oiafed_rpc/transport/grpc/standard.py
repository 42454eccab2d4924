"""The services that any gRPC tool expects: health checking and reflection.

They are offered through the endpoint like a node's own methods, so that interceptors see their calls: where a token is
asked for, it is asked for here too.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from typing import Any

from oiafed_rpc.codec.messages import Raw
from oiafed_rpc.endpoint import Endpoint
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.method import Kind, Method
from oiafed_rpc.requests import RequestStream

_health: Any = importlib.import_module("grpc_health.v1.health_pb2")  # neither ships types
_reflection: Any = importlib.import_module("grpc_reflection.v1alpha.reflection_pb2")

_REFLECTIONS = ("grpc.reflection.v1alpha.ServerReflection", "grpc.reflection.v1.ServerReflection")
"""Both names of the same messages (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md)."""


def offer_standard_services(endpoint: Endpoint) -> None:
    """Offer health checking and reflection on a node."""
    health = _Health(endpoint)
    asked, answer = Raw(_health.HealthCheckRequest), Raw(_health.HealthCheckResponse)
    endpoint.offer(_method("grpc.health.v1.Health/Check", Kind.UNARY, asked, answer), health.check)
    endpoint.offer(_method("grpc.health.v1.Health/Watch", Kind.SERVER_STREAM, asked, answer), health.watch)
    reflect = _Reflection(endpoint).answers
    request, response = Raw(_reflection.ServerReflectionRequest), Raw(_reflection.ServerReflectionResponse)
    for service in _REFLECTIONS:
        spec = _method(f"{service}/ServerReflectionInfo", Kind.BIDI_STREAM, request, response)
        endpoint.offer(spec, reflect)


def _method(title: str, kind: Kind, request: Raw, response: Raw) -> Method[Any]:
    name = title.rpartition("/")[2]
    return Method(
        role="grpc", name=name, path=f"/{title}", attribute=name, kind=kind, request=request, response=response
    )


class _Health:
    """https://github.com/grpc/grpc/blob/master/doc/health-checking.md: serving until the node stops."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def _status(self, service: str) -> Any:
        status = _health.HealthCheckResponse
        if service and service not in self._endpoint.services:
            return status.SERVICE_UNKNOWN
        return status.NOT_SERVING if self._endpoint.draining.stopping else status.SERVING

    async def check(self, request: Any) -> Any:
        """How a service is; the empty name asks for the node as a whole."""
        status = self._status(request.service)
        if status == _health.HealthCheckResponse.SERVICE_UNKNOWN:
            raise RpcError(Code.NOT_FOUND, f"node {self._endpoint.node_id!r} has no service {request.service!r}")
        return _health.HealthCheckResponse(status=status)

    async def watch(self, request: Any) -> AsyncIterator[Any]:
        """How a service is, now and when the node stops; then the stream ends."""
        yield _health.HealthCheckResponse(status=self._status(request.service))
        await self._endpoint.draining.begun()
        yield _health.HealthCheckResponse(status=self._status(request.service))


class _Reflection:
    """Tells clients what services there are, and their messages."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def answers(self, requests: RequestStream[Any]) -> AsyncIterator[Any]:
        """One answer to each request."""
        from grpc_reflection.v1alpha.reflection import aio

        servicer: Any = aio.ReflectionServicer(self._endpoint.services)
        answers: AsyncIterator[Any] = servicer.ServerReflectionInfo(requests, None)
        return answers
