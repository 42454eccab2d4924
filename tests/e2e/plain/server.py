"""A server that knows nothing of this toolkit: grpcio, and servicers that protoc alone has made.

It prints its port, and serves until its standard input ends.
"""

from __future__ import annotations

import concurrent.futures
import json
import sys
import threading
from collections.abc import Iterator
from typing import Any

import grpc
from conformance.v1.wire import conformance_pb2, conformance_pb2_grpc
from federation.v1.wire import federation_pb2, federation_pb2_grpc


class Learner(federation_pb2_grpc.LearnerServicer):
    def Describe(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name
        return federation_pb2.LearnerInfo(samples=3, classes={1: 3})

    def Fit(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return federation_pb2.FitResult(weights=request.weights, samples=request.config.epochs)

    def Watch(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        for epoch in range(3):
            yield federation_pb2.Progress(epoch=epoch, loss=request.every)


class Painter(conformance_pb2_grpc.PainterServicer):
    def __init__(self) -> None:
        self.cancelled = threading.Event()

    def Add(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        raise ZeroDivisionError("in the foreign server")

    def Draw(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        context.abort(grpc.StatusCode.NOT_FOUND, "no such color")

    def Nothing(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        context.add_callback(self.cancelled.set)
        self.cancelled.wait(30)
        return conformance_pb2.PainterNothingResponse()

    def Names(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        told = [str(self.cancelled.is_set()), json.dumps(sorted(key for key, _ in context.invocation_metadata()))]
        return conformance_pb2.PainterNamesResponse(value=told)

    def Count(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        yield conformance_pb2.PainterCountResponse(value=request.start)
        context.abort(grpc.StatusCode.OUT_OF_RANGE, "no further")

    def Sum(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Any:  # noqa: N802
        start = next(requests).start
        return conformance_pb2.PainterSumResponse(value=start + sum(each.numbers for each in requests))

    def RunningSum(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        total = next(requests).start
        for each in requests:
            total += each.numbers
            yield conformance_pb2.PainterRunningSumResponse(value=total)


def main() -> None:
    """Serve until nobody wants it any more."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
    federation_pb2_grpc.add_LearnerServicer_to_server(Learner(), server)
    conformance_pb2_grpc.add_PainterServicer_to_server(Painter(), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(0).wait()


if __name__ == "__main__":
    main()
