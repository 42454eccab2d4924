"""Health checking and reflection, with the clients that gRPC ships for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode, aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from oiafed_rpc import AuthInterceptor, GrpcTransport, Node

from tests.unit.learners import Echo

REFLECTIONS = ("grpc.reflection.v1alpha.ServerReflection", "grpc.reflection.v1.ServerReflection")
EVERY_NODE = {
    "grpc.health.v1.Health",
    "oiafed.v1.Bulk",
    "oiafed.v1.DialOut",
    "oiafed.v1.Dynamic",
    "oiafed.v1.Node",
    *REFLECTIONS,
}
SERVING, NOT_SERVING, UNKNOWN = (
    getattr(health_pb2.HealthCheckResponse, name) for name in ("SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
)


@asynccontextmanager
async def _served(token: str = "") -> AsyncIterator[tuple[Node, aio.Channel]]:
    interceptors = [AuthInterceptor(token)] if token else []
    async with Node("l", "learner", GrpcTransport("127.0.0.1", 0), interceptors=interceptors) as node:
        node.register(Echo())
        async with aio.insecure_channel(f"127.0.0.1:{node.transport.port}") as channel:
            yield node, channel


async def test_the_health_of_a_node_and_its_services() -> None:
    async with _served() as (_, channel):
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", "federation.v1.Learner", *EVERY_NODE):
            reply = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
            assert reply.status == SERVING
        with pytest.raises(aio.AioRpcError) as failure:
            await stub.Check(health_pb2.HealthCheckRequest(service="federation.v1.Trainer"), timeout=5)
        assert failure.value.code() is StatusCode.NOT_FOUND
        assert failure.value.details() == "node 'l' has no service 'federation.v1.Trainer'"


async def test_who_watches_is_told_that_the_node_stops() -> None:
    async with _served() as (node, channel):
        stub = health_pb2_grpc.HealthStub(channel)
        watches = [
            stub.Watch(health_pb2.HealthCheckRequest(service=service), timeout=30)
            for service in ("", "federation.v1.Learner", "no.such.Service")
        ]
        assert [(await each.read()).status for each in watches] == [SERVING, SERVING, UNKNOWN]
        stopping = asyncio.create_task(node.stop())
        assert [(await each.read()).status for each in watches] == [NOT_SERVING, NOT_SERVING, UNKNOWN]
        assert [await each.read() for each in watches] == [aio.EOF] * 3
        assert [await each.code() for each in watches] == [StatusCode.OK] * 3
        await stopping


def _database(port: int) -> tuple[grpc.Channel, ProtoReflectionDescriptorDatabase]:
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    return channel, ProtoReflectionDescriptorDatabase(channel)


def _call_by_reflection(port: int) -> tuple[set[str], list[str], dict[str, Any]]:
    """What a client that knows only the address of a node can do."""
    channel, database = _database(port)
    with channel:
        services = set(database.get_services())
        pool = DescriptorPool(database)
        service = pool.FindServiceByName("federation.v1.Learner")
        method = service.methods_by_name["Evaluate"]
        request = GetMessageClass(method.input_type)()
        request.weights.entries.add(name="w").tensor.dtype = "<f4"
        call = channel.unary_unary(
            f"/{service.full_name}/{method.name}",
            GetMessageClass(method.input_type).SerializeToString,
            GetMessageClass(method.output_type).FromString,
        )
        request.weights.entries[0].tensor.shape.append(0)
        reply = call(request, timeout=5, metadata=(("oiafed-route", "role=trainer"),))
        told = {field.name: value for field, value in reply.ListFields()}
        return services, [each.name for each in service.methods], told


async def test_reflection_is_enough_to_call_a_method() -> None:
    async with _served() as (node, _):
        services, methods, told = await asyncio.to_thread(_call_by_reflection, node.transport.port)
    assert services == EVERY_NODE | {"federation.v1.Learner"}
    assert methods == ["Describe", "Fit", "Evaluate", "Watch"]
    assert told == {"correct": 1, "samples": 1}


@pytest.mark.parametrize("name", REFLECTIONS)
async def test_both_versions_of_reflection(name: str) -> None:
    request = reflection_pb2.ServerReflectionRequest
    asked = [
        request(list_services=""),
        request(file_containing_symbol="federation.v1.Learner"),
        request(file_containing_symbol="oiafed.v1.Node"),
        request(file_by_filename="oiafed/v1/tensor.proto"),
        request(file_containing_symbol="no.such.Thing"),
    ]
    async with _served() as (_, channel):
        call = channel.stream_stream(
            f"/{name}/ServerReflectionInfo",
            request.SerializeToString,
            reflection_pb2.ServerReflectionResponse.FromString,
        )
        listed, *files, missing = [each async for each in call(iter(asked), timeout=5)]
    services = {each.name for each in listed.list_services_response.service}
    assert services == EVERY_NODE | {"federation.v1.Learner"}
    assert all(each.file_descriptor_response.file_descriptor_proto for each in files)
    assert missing.error_response.error_code == StatusCode.NOT_FOUND.value[0]


async def test_both_ask_for_the_token() -> None:
    async with _served("s3cret") as (_, channel):
        check = health_pb2_grpc.HealthStub(channel).Check
        watch = health_pb2_grpc.HealthStub(channel).Watch
        reflect = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
        listing = reflection_pb2.ServerReflectionRequest(list_services="")
        token = (("auth_token", "s3cret"),)
        with pytest.raises(aio.AioRpcError, match="it has no token") as failure:
            await check(health_pb2.HealthCheckRequest(), timeout=5)
        assert failure.value.code() is StatusCode.UNAUTHENTICATED
        for call in (watch(health_pb2.HealthCheckRequest(), timeout=5), reflect(iter([listing]), timeout=5)):
            with pytest.raises(aio.AioRpcError, match="it has no token") as failure:
                await call.read()
            assert failure.value.code() is StatusCode.UNAUTHENTICATED
        assert (await check(health_pb2.HealthCheckRequest(), timeout=5, metadata=token)).status == SERVING
        answered = [each async for each in reflect(iter([listing]), timeout=5, metadata=token)]
        assert len(answered[0].list_services_response.service) == len(EVERY_NODE) + 1
