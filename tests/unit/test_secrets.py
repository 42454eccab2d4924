"""What is secret is told to nobody."""

from __future__ import annotations

import logging

import pytest
from oiafed_rpc import AuthInterceptor, GrpcTransport, LoggingInterceptor, Node, NodeConfig, RpcError

TOKEN = "s3cret-t0ken"


@pytest.mark.parametrize("right", [True, False])
async def test_a_token_is_in_no_log_error_or_repr(right: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "oiafed_rpc")
    ours = [LoggingInterceptor("DEBUG"), AuthInterceptor(TOKEN if right else f"{TOKEN}-wrong")]
    theirs = [LoggingInterceptor("DEBUG"), AuthInterceptor(TOKEN)]
    told: list[str] = []
    callee = Node("callee", "learner", GrpcTransport("127.0.0.1", 0), interceptors=theirs, debug=True)
    caller = Node("caller", "trainer", GrpcTransport(), interceptors=ours, debug=True)

    async def fails(a: int = 0, b: int = 0) -> None:
        raise ValueError("told")

    callee.register_handler("fails", fails)
    async with callee, caller:
        for step in (
            lambda: caller.connect(f"callee@127.0.0.1:{callee.transport.port}"),
            lambda: caller.get_proxy("callee").call("fails"),
        ):
            try:
                await step()
            except RpcError as error:
                told.append(f"{error} {error!r} {dict(error.details)}")
    told += [repr(each) for each in (callee, caller, *ours, *theirs, callee.transport)]
    assert ("told" in "".join(told)) is right
    assert TOKEN not in "\n".join(told) + caplog.text


def test_a_token_from_the_environment_is_in_no_repr_of_a_configuration() -> None:
    source = {
        "node": {"id": "a", "role": "b"},
        "transport": {"interceptors": [{"type": "auth", "token": "${TOKEN_OF_A_TEST}"}]},
    }
    config = NodeConfig.load(source, {"TOKEN_OF_A_TEST": TOKEN})
    assert config.transport.interceptors[0].options["token"] == TOKEN
    assert TOKEN not in repr(config)
