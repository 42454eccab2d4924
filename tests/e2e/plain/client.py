"""A client that knows nothing of this toolkit: synchronous grpcio, and stubs that protoc alone has made.

`python -S client.py PORT CASE` prints what it got as JSON.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from typing import Any

import grpc
from conformance.v1.wire import conformance_pb2, conformance_pb2_grpc
from federation.v1.wire import federation_pb2, federation_pb2_grpc
from google.rpc import error_details_pb2, status_pb2
from oiafed.v1 import node_pb2_grpc, tensor_pb2

TIMEOUT = 10
TRAINER = (("oiafed-route", "role=trainer"),)


def outcome(error: grpc.RpcError) -> dict[str, Any]:
    """A failed call as any client sees it: its code, its text, and what its details say."""
    told: dict[str, Any] = {"code": error.code().name, "text": error.details()}
    data = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    if data is not None:
        status = status_pb2.Status.FromString(data)
        told["status"] = [status.code, status.message]
        told["details"] = [detail(each) for each in status.details]
    return told


def detail(packed: Any) -> Any:
    kinds = (
        error_details_pb2.ErrorInfo,
        error_details_pb2.RetryInfo,
        federation_pb2.NotReady,
        conformance_pb2.OutOfInk,
    )
    for kind in kinds:
        message = kind()
        if packed.Unpack(message):
            break
    else:
        return packed.type_url
    if isinstance(message, error_details_pb2.ErrorInfo):
        return ["ErrorInfo", message.domain, message.reason, dict(message.metadata)]
    if isinstance(message, error_details_pb2.RetryInfo):
        return ["RetryInfo", message.retry_delay.ToMilliseconds()]
    if isinstance(message, federation_pb2.NotReady):
        return ["NotReady", message.retry_after]
    return ["OutOfInk", message.color, message.left, message.HasField("where")]


def failure(call: Any, *arguments: Any, timeout: float = TIMEOUT, **options: Any) -> dict[str, Any]:
    try:
        result = call(*arguments, timeout=timeout, **options)
        list(result) if isinstance(result, Iterator) else None
    except grpc.RpcError as error:
        return outcome(error)
    raise SystemExit("the call did not fail")


def unary(channel: grpc.Channel) -> Any:
    learner = federation_pb2_grpc.LearnerStub(channel)
    info = learner.Describe(federation_pb2.LearnerDescribeRequest(), timeout=TIMEOUT)
    painter = conformance_pb2_grpc.PainterStub(channel)
    sums = [
        painter.Add(conformance_pb2.PainterAddRequest(a=2, b=3), timeout=TIMEOUT).value,
        painter.Add(conformance_pb2.PainterAddRequest(a=2), timeout=TIMEOUT).value,  # b has a default in the schema
    ]
    absent = painter.Where(conformance_pb2.PainterWhereRequest(name="elsewhere"), timeout=TIMEOUT)
    return {"samples": info.samples, "classes": dict(info.classes), "sums": sums, "where": absent.HasField("value")}


def tensors(channel: grpc.Channel) -> Any:
    weights = tensor_pb2.Tensors()
    entry = weights.entries.add(name="layer.0")
    entry.tensor.dtype, entry.tensor.data = "<f4", struct.pack("<6f", *range(6))
    entry.tensor.shape.extend([2, 3])
    request = federation_pb2.LearnerFitRequest(weights=weights, config=federation_pb2.FitConfig(epochs=4))
    result = federation_pb2_grpc.LearnerStub(channel).Fit(request, timeout=TIMEOUT, metadata=TRAINER)
    (back,) = result.weights.entries
    values = struct.unpack("<6f", back.tensor.data)
    return [back.name, back.tensor.dtype, list(back.tensor.shape), values, result.samples, round(result.loss, 6)]


def server_stream(channel: grpc.Channel) -> Any:
    painter = conformance_pb2_grpc.PainterStub(channel)
    items = painter.Count(conformance_pb2.PainterCountRequest(start=3, stop=6), timeout=TIMEOUT)
    counted = [item.value for item in items]
    walked = []
    try:
        for point in painter.Walk(conformance_pb2.PainterWalkRequest(steps=2), timeout=TIMEOUT):
            walked.append(point.x)
    except grpc.RpcError as error:
        return {"counted": counted, "walked": walked, "error": outcome(error)}
    raise SystemExit("the stream did not fail")


def client_stream(channel: grpc.Channel) -> Any:
    painter = conformance_pb2_grpc.PainterStub(channel)
    request = conformance_pb2.PainterSumRequest

    def numbers() -> Iterator[Any]:
        yield request(start=100)  # the head: the parameters beside the stream
        for number in (1, 2, 3):
            yield request(numbers=number)

    average = iter([conformance_pb2.PainterAverageRequest(numbers=each) for each in (1.0, 2.0)])
    return {
        "sum": painter.Sum(numbers(), timeout=TIMEOUT).value,
        "of none": painter.Sum(iter([request(start=7)]), timeout=TIMEOUT).value,
        "average": painter.Average(average, timeout=TIMEOUT).value,
        "without a head": failure(painter.Sum, iter(())),
    }


def two_way(channel: grpc.Channel) -> Any:
    painter = conformance_pb2_grpc.PainterStub(channel)
    request = conformance_pb2.PainterRunningSumRequest
    heard: list[int] = []

    def questions() -> Iterator[Any]:
        yield request(start=10)
        for _ in range(3):
            yield request(numbers=len(heard) + 1)

    for answer in painter.RunningSum(questions(), timeout=TIMEOUT):
        heard.append(answer.value)
    off = conformance_pb2.PainterPaintRequest(points=conformance_pb2.Point(x=-1))
    return {"totals": len(heard), "last": heard[-1] >= 13, "error": failure(painter.Paint, iter([off]))}


def describe_fails(channel: grpc.Channel) -> Any:
    return failure(federation_pb2_grpc.LearnerStub(channel).Describe, federation_pb2.LearnerDescribeRequest())


def draw_fails(channel: grpc.Channel) -> Any:
    painter = conformance_pb2_grpc.PainterStub(channel)
    return failure(painter.Draw, conformance_pb2.PainterDrawRequest(color=conformance_pb2.COLOR_BLUE))


def deadline(channel: grpc.Channel) -> Any:
    learner = federation_pb2_grpc.LearnerStub(channel)
    return failure(learner.Describe, federation_pb2.LearnerDescribeRequest(), timeout=0.3)["code"]


def token(channel: grpc.Channel) -> Any:
    learner = federation_pb2_grpc.LearnerStub(channel)
    request = federation_pb2.LearnerDescribeRequest()
    right = learner.Describe(request, timeout=TIMEOUT, metadata=(("auth_token", "s3cret"),)).samples
    unreadable = channel.unary_unary("/federation.v1.Learner/Describe")
    return {
        "right": right,
        "missing": failure(learner.Describe, request),
        "wrong": failure(learner.Describe, request, metadata=(("auth_token", "s3cres"),)),
        "unreadable": failure(unreadable, b"\xff"),
        "no method": failure(channel.unary_unary("/no.such.Service/Method"), b""),
    }


def callers(channel: grpc.Channel) -> Any:
    learner = federation_pb2_grpc.LearnerStub(channel)
    request = federation_pb2.LearnerEvaluateRequest()
    return {
        "trainer": learner.Evaluate(request, timeout=TIMEOUT, metadata=TRAINER).correct,
        "nobody": failure(learner.Evaluate, request),
        "learner": failure(learner.Evaluate, request, metadata=(("oiafed-route", "role=learner"),)),
    }


def dynamic(channel: grpc.Channel) -> Any:
    stub = node_pb2_grpc.DynamicStub(channel)
    json_only = ("oiafed-route", "accept=json")

    def packed(value: object) -> Any:
        return tensor_pb2.PyObject(serializer="json", data=json.dumps(value).encode())

    def unpacked(reply: Any) -> Any:
        return [reply.serializer, json.loads(reply.data)]

    def metadata(method: str, stream: str = "") -> Any:
        return (("oiafed-method", method), json_only, *((("oiafed-stream", stream),) if stream else ()))

    def given() -> Iterator[Any]:
        return iter([packed({"start": 10}), packed(1), packed(2)])

    options: dict[str, Any] = {"timeout": TIMEOUT}
    return {
        "call": unpacked(stub.Call(packed({"name": "Ada"}), metadata=metadata("greet"), **options)),
        "stream": [unpacked(each) for each in stub.Stream(packed({"to": 2}), metadata=metadata("up_to"), **options)],
        "call with stream": unpacked(stub.CallWithStream(given(), metadata=metadata("total", "numbers"), **options)),
        "stream with stream": [
            unpacked(each)
            for each in stub.StreamWithStream(given(), metadata=metadata("running", "numbers"), **options)
        ],
        "percent": unpacked(stub.Call(packed({}), metadata=metadata("gr%C3%BC%C3%9Fe"), **options)),
        "unknown": failure(stub.Call, packed({}), metadata=metadata("gret")),
        "typed by name": unpacked(stub.Call(packed({"a": 1, "b": 1}), metadata=metadata("add"), **options)),
    }


CASES = {
    case.__name__: case
    for case in (
        *(unary, tensors, server_stream, client_stream, two_way, describe_fails),
        *(draw_fails, deadline, token, callers, dynamic),
    )
}


def main() -> None:
    """Run one case."""
    port, case = sys.argv[1:]
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        result = CASES[case](channel)
    if any(name.startswith("oiafed_") for name in sys.modules):
        raise SystemExit("this client is to know nothing of the toolkit")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
