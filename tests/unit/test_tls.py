"""TLS and mutual TLS: who may call whom, and what is said to who may not."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from federation.v1 import FitConfig, LearnerProxy
from federation.v1.wire import federation_pb2
from grpc import aio
from oiafed_rpc import Code, ConfigError, GrpcTransport, Node, RpcError, Tensors, TlsConfig, current_call
from oiafed_rpc.system.node import NodeProxy
from oiafed_rpc.system.types import HelloRequest

from tests.certificates import Authority
from tests.unit.learners import Echo


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"), "other_ca")


def _node(node_id: str, role: str, tls: TlsConfig | None, **options: Any) -> Node:
    node = Node(node_id, role, GrpcTransport("127.0.0.1", 0, tls=tls), connect_timeout=1.5, **options)

    async def who(a: int = 0, b: int = 0) -> list[Any]:
        call = current_call()
        return [call.source, call.role, call.peer_identity and list(call.peer_identity)]

    node.register_handler("who", who)
    return node


def _address(node: Node, host: str = "127.0.0.1") -> str:
    return f"{node.node_id}@{host}:{node.transport.port}"  # type: ignore[attr-defined]


async def _refused(
    tls: TlsConfig | None, theirs: TlsConfig | None, code: Code, match: str, role: str = "trainer"
) -> None:
    """A trainer cannot connect to a learner, and is told why in time."""
    async with _node("learner_0", "learner", theirs) as learner, _node("trainer", role, tls) as trainer:
        began = time.monotonic()
        with pytest.raises(RpcError, match=match) as failure:
            await trainer.connect(_address(learner))
        assert time.monotonic() - began < 2.5
        assert failure.value.code is code
        assert trainer.peers == {}


async def test_mutual_tls_proves_the_id(authority: Authority) -> None:
    learner = _node("learner_0", "learner", authority.mutual("learner_0"))
    trainer = _node("trainer", "trainer", authority.mutual("trainer"))
    async with learner, trainer:
        await trainer.connect(_address(learner))
        assert await trainer.get_proxy("learner_0").call("who") == ["trainer", "trainer", ["trainer"]]


async def test_tls_of_one_side_checks_the_host_and_proves_no_caller(authority: Authority) -> None:
    server = TlsConfig(**authority.issue("server", ips=("127.0.0.1",)))
    async with _node("learner_0", "learner", server) as learner:
        client = GrpcTransport(tls=TlsConfig(ca=authority.path))
        async with Node("trainer", "trainer", client, connect_timeout=1.5) as trainer:
            await trainer.connect(_address(learner))
            assert await trainer.get_proxy("learner_0").call("who") == ["trainer", "trainer", None]


async def test_tls_of_one_side_refuses_a_host_that_the_certificate_does_not_name(authority: Authority) -> None:
    async with _node("learner_0", "learner", TlsConfig(**authority.issue("server"))) as learner:
        client = GrpcTransport(tls=TlsConfig(ca=authority.path))
        async with Node("trainer", "trainer", client, connect_timeout=1.5) as trainer:
            with pytest.raises(RpcError, match=r"certificate shown there is not for '127\.0\.0\.1'"):
                await trainer.connect(_address(learner))


async def test_a_client_without_a_certificate_is_refused(authority: Authority) -> None:
    async with _node("learner_0", "learner", authority.mutual("learner_0")) as learner:
        client = GrpcTransport(tls=TlsConfig(ca=authority.path))
        async with Node("trainer", "trainer", client, connect_timeout=1.5) as trainer:
            with pytest.raises(RpcError) as failure:
                await trainer.connect(_address(learner).replace("127.0.0.1", "127.0.0.1"))
            assert failure.value.code is Code.UNAVAILABLE
            assert "certificate" in failure.value.message


async def test_a_client_of_another_authority_is_refused(authority: Authority, stranger: Authority) -> None:
    tls = TlsConfig(**stranger.issue("trainer"), ca=authority.path)
    await _refused(tls, authority.mutual("learner_0"), Code.UNAVAILABLE, "asks for a certificate of an authority")


async def test_a_client_whose_certificate_has_expired_is_refused(authority: Authority) -> None:
    tls = authority.mutual("trainer", expired=True)
    await _refused(tls, authority.mutual("learner_0"), Code.UNAVAILABLE, "which is valid now")


async def test_a_server_whose_certificate_has_expired_is_refused(authority: Authority) -> None:
    tls = authority.mutual("learner_0", expired=True)
    await _refused(authority.mutual("trainer"), tls, Code.UNAVAILABLE, "certificate shown there has expired")


async def test_a_server_of_another_authority_is_refused(authority: Authority, stranger: Authority) -> None:
    theirs = stranger.mutual("learner_0")
    await _refused(
        authority.mutual("trainer"), theirs, Code.UNAVAILABLE, r"not from an authority of transport\.tls\.ca"
    )


async def test_a_server_with_the_certificate_of_another_node_is_refused(authority: Authority) -> None:
    theirs = authority.mutual("learner_1")
    await _refused(
        authority.mutual("trainer"), theirs, Code.UNAVAILABLE, "certificate shown there is not for 'learner_0'"
    )


async def test_plain_text_to_tls_is_a_mismatch(authority: Authority) -> None:
    await _refused(None, authority.mutual("learner_0"), Code.UNAVAILABLE, "TLS mismatch")


async def test_tls_to_plain_text_is_a_mismatch(authority: Authority) -> None:
    await _refused(authority.mutual("trainer"), None, Code.UNAVAILABLE, "TLS mismatch")


async def test_an_id_that_the_certificate_does_not_prove_is_refused(authority: Authority) -> None:
    tls, match = (
        authority.mutual("somebody"),
        r"role 'trainer' may not call .*/Attend as node 'trainer'.*for 'somebody'",
    )
    await _refused(tls, authority.mutual("learner_0"), Code.PERMISSION_DENIED, match)


async def test_a_certificate_without_any_name_proves_nobody(authority: Authority) -> None:
    tls = authority.mutual("", dns=())
    await _refused(tls, authority.mutual("learner_0"), Code.PERMISSION_DENIED, "for nobody")


async def test_a_role_that_the_certificate_does_not_prove_is_refused(authority: Authority) -> None:
    tls = authority.mutual("trainer", roles=("learner", "evaluator"))
    match = r"'trainer' may not call .*/Attend as role 'trainer': its certificate is for role 'learner' or 'evaluator'"
    await _refused(tls, authority.mutual("learner_0"), Code.PERMISSION_DENIED, match)


async def test_a_role_that_the_certificate_proves_is_taken(authority: Authority) -> None:
    learner = _node("learner_0", "learner", authority.mutual("learner_0", roles=("learner",)))
    trainer = _node("trainer", "trainer", authority.mutual("trainer", roles=("aggregator", "trainer")))
    async with learner, trainer:
        await trainer.connect(_address(learner))
        assert await trainer.get_proxy("learner_0").call("who") == ["trainer", "trainer", ["trainer"]]


async def test_tls_from_a_configuration(authority: Authority, tmp_path: Path) -> None:
    def written(node_id: str, role: str, listen: bool) -> Path:
        paths = authority.issue(node_id)
        path = tmp_path / f"{node_id}.yaml"
        lines = [
            f"node: {{id: {node_id}, role: {role}}}",
            "listen: {host: 127.0.0.1, port: 0}" if listen else "",
            f"transport: {{mode: grpc, tls: {{cert: {paths['cert']}, key: {paths['key']}, ca: {authority.path}}}}}",
        ]
        path.write_text("\n".join(lines))
        return path

    learner = Node.from_config(written("learner_0", "learner", listen=True))
    learner.register_handler("who", lambda data: list(data))
    async with learner, Node.from_config(written("trainer", "trainer", listen=False)) as trainer:
        await trainer.connect(_address(learner))
        assert await trainer.get_proxy("learner_0").call("who", a=1) == ["a"]


async def test_files_that_are_no_certificates_are_told_at_start(authority: Authority, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.crt"
    wrong.write_text("no certificate")
    good = authority.issue("learner_0")
    other = authority.issue("learner_0")
    cases = [
        (TlsConfig(**good, ca=str(wrong)), "transport.tls.ca: "),
        (TlsConfig(cert=str(wrong), key=good["key"]), "no certificate and its unencrypted key"),
        (TlsConfig(cert=good["cert"], key=other["key"]), "key values mismatch"),
    ]
    for tls, match in cases:
        with pytest.raises(ConfigError, match=re.escape(match)):
            await _node("learner_0", "learner", tls).start()


async def test_a_listener_for_all_warns_without_tls_or_auth(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "oiafed_rpc"):
        async with Node("open", "learner", GrpcTransport("0.0.0.0", 0)):
            assert "accepts calls from other machines without checking who calls" in caplog.text
        caplog.clear()
        async with Node("closed", "learner", GrpcTransport("0.0.0.0", 0, tls=authority.mutual("closed"))):
            assert caplog.text == ""


@pytest.mark.parametrize("node_id", ["learner_0", "Learner-1", "site.a.example", "UPPER_case", "7"])
async def test_ids_of_every_sort_are_proved(authority: Authority, node_id: str) -> None:
    learner = _node(node_id, "learner", authority.mutual(node_id))
    trainer = _node(f"t_{node_id}", "trainer", authority.mutual(f"t_{node_id}"))
    async with learner, trainer:
        await trainer.connect(_address(learner))
        assert await trainer.get_proxy(node_id).call("who") == [f"t_{node_id}", "trainer", [f"t_{node_id}"]]


async def test_the_declared_callers_are_enforced_beside_the_certificate(authority: Authority) -> None:
    first = _node("learner_0", "learner", authority.mutual("learner_0"))
    second = _node("learner_1", "learner", authority.mutual("learner_1", roles=("learner",)))
    first.register(Echo())
    async with first, second:
        await second.connect(_address(first))
        proxy = second.get_proxy("learner_0", LearnerProxy)
        told = r"role 'learner' may not call federation\.v1\.Learner/Fit: only trainer may"
        with pytest.raises(RpcError, match=told) as failure:
            await proxy.fit(weights=Tensors(), config=FitConfig(epochs=3))
        assert failure.value.code is Code.PERMISSION_DENIED


@pytest.mark.parametrize(("node_id", "role"), [("learner_1", "trainer"), ("trainer", "learner")])
async def test_nobody_introduces_itself_as_another(authority: Authority, node_id: str, role: str) -> None:
    learner = _node("learner_0", "learner", authority.mutual("learner_0"))
    trainer = _node("trainer", "trainer", authority.mutual("trainer"))
    async with learner, trainer:
        await trainer.connect(_address(learner))
        proxy = NodeProxy(trainer._caller, "learner_0")
        told = f"'trainer' of role 'trainer' introduces itself to 'learner_0' as node '{node_id}' of role '{role}'"
        with pytest.raises(RpcError, match=told) as failure:
            await proxy.hello(HelloRequest(node_id=node_id, role=role, incarnation="x"))
        assert failure.value.code is Code.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("roles", "refusal"),
    [
        (("trainer",), None),
        (("observer",), "role 'observer' may not call federation.v1.Learner/Fit: only trainer may"),
        ((), "a caller without a role may not call federation.v1.Learner/Fit"),
    ],
)
async def test_the_certificate_speaks_for_a_client_that_is_no_node(
    authority: Authority, roles: tuple[str, ...], refusal: str | None
) -> None:
    mine = authority.issue("notebook", roles=roles)
    ca, key, cert = (Path(each).read_bytes() for each in (authority.path, mine["key"], mine["cert"]))
    credentials = grpc.ssl_channel_credentials(ca, key, cert)
    options = [("grpc.ssl_target_name_override", "learner_0")]
    learner = _node("learner_0", "learner", authority.mutual("learner_0"))
    learner.register(Echo())
    request = federation_pb2.LearnerFitRequest().SerializeToString()
    async with (
        learner,
        aio.secure_channel(_address(learner).partition("@")[2], credentials, options) as channel,
    ):
        call = channel.unary_unary("/federation.v1.Learner/Fit")(request, timeout=5)
        if refusal is None:
            await call
            return
        with pytest.raises(aio.AioRpcError) as failure:
            await call
    assert failure.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert refusal in str(failure.value.details())
