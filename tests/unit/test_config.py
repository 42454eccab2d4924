"""The configuration: every key, every mistake at its place, and no secret shown."""

from __future__ import annotations

import copy
import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from oiafed_rpc.config import (
    Address,
    DeliveryConfig,
    Fault,
    FaultPlan,
    HeartbeatConfig,
    IdentityConfig,
    InterceptorConfig,
    LanesConfig,
    LimitsConfig,
    ListenConfig,
    MethodLimitConfig,
    NodeConfig,
    RetryConfig,
    TimeoutConfig,
    TlsConfig,
    TransportConfig,
)
from oiafed_rpc.errors import ConfigError

from tests.unit.configurations import CONFLICTS, FULL, MISTAKES, NODE, VALID, with_node


def write(folder: Path, text: str) -> Path:
    path = folder / "node.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problem(source: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        NodeConfig.load(source)
    return str(caught.value)


def test_every_key_of_a_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    (tmp_path / "keys").mkdir()
    for name in ("node.crt", "keys/node.key", "ca.crt"):
        (tmp_path / name).touch()
    config = NodeConfig.load(write(tmp_path, FULL))
    assert config.node == IdentityConfig(id="trainer", role="trainer", debug=True)
    assert config.listen == ListenConfig(host="0.0.0.0", port=50051)
    assert [str(peer) for peer in config.connect_to] == [
        "learner_0@192.168.1.2:50052",
        "learner_1@[fe80::1]:50053",
        "learner_2@unix:/run/l.sock",
    ]
    assert config.transport == TransportConfig(
        mode="grpc",
        serializer="mypackage.wire:Serializer",
        accept=("proto", "mypackage.wire:Serializer"),
        pickle_allow=("mypackage.*", "mypackage.Model"),
        interceptors=(
            InterceptorConfig(type="logging"),
            InterceptorConfig(type="auth", options={"token": "hunter2"}),
            InterceptorConfig(type="mypackage.log:Log", options={"level": 3}),
        ),
        tls=TlsConfig(
            cert=str(tmp_path / "node.crt"), key=str(tmp_path / "keys/node.key"), ca=str(tmp_path / "ca.crt")
        ),
        lanes=LanesConfig(socket=True, shared_memory=False, socket_port=50061),
        max_message_size=512_000_000,
        faults=FaultPlan(
            seed=7,
            rules=(
                Fault(
                    kind="delay",
                    of="reply",
                    chance=0.5,
                    seconds=(0, 2),
                    methods=("fit",),
                    targets=("l*",),
                    skip=1,
                    times=3,
                ),
            ),
        ),
    )
    assert config.timeout == TimeoutConfig(connect=2.5, request=90.0, idle=7.5, grace=0.0)
    assert config.retry == RetryConfig(
        max_attempts=5, backoff_strategy="linear", initial_delay=0.5, max_delay=8.0, total_timeout=60.0
    )
    assert config.heartbeat == HeartbeatConfig(enabled=False, interval=5.0, timeout=20.0)
    assert config.delivery == DeliveryConfig(patience=12.5, calls=100, memory=1 << 20)
    assert config.limits == LimitsConfig(
        calls=64,
        queue=0,
        methods={"fit": MethodLimitConfig(calls=1, queue=8), "evaluate": MethodLimitConfig(calls=2)},
        transfers=16,
        transfer_memory=2 * 1024**3,
    )


def test_what_is_left_out_has_a_default() -> None:
    config = NodeConfig.load(with_node(listen={"port": 0}, transport=None, timeout={}))
    assert config.listen == ListenConfig(host="127.0.0.1", port=0)
    assert config.connect_to == ()
    assert (config.transport.mode, config.transport.serializer, config.transport.tls) == ("auto", None, None)
    assert config.transport.accept == ("proto", "json", "pickle")
    assert config.transport.max_message_size == 16 * 1024**3
    assert (config.timeout.connect, config.timeout.request, config.timeout.grace) == (10.0, 60.0, 5.0)
    retry = config.retry
    assert (retry.max_attempts, retry.backoff_strategy) == (3, "exponential")
    assert (retry.initial_delay, retry.max_delay, retry.total_timeout) == (1.0, 30.0, None)
    heartbeat = config.heartbeat
    assert (heartbeat.enabled, heartbeat.interval, heartbeat.timeout) == (True, 30.0, 90.0)
    limits = config.limits
    assert (limits.calls, limits.queue, limits.methods) == (2048, 1024, {})
    assert (limits.transfers, limits.transfer_memory) == (1024, None)
    assert config.node.debug is False


@pytest.mark.parametrize("keys", VALID)
def test_what_is_right_is_accepted(keys: dict[str, Any]) -> None:
    assert NodeConfig.load(keys).node.role == keys["node"]["role"]


def test_a_unix_socket_needs_no_port() -> None:
    config = NodeConfig.load(with_node(listen={"host": "unix:/run/n.sock"}, connect_to=["a@unix:/run/l.sock"]))
    assert config.listen == ListenConfig(host="unix:/run/n.sock", port=0) == ListenConfig(host="unix:/run/n.sock")
    assert config.connect_to == (Address(node_id="a", host="unix:/run/l.sock"),)
    assert config.connect_to[0].port == 0
    assert copy.deepcopy(config) == config


def test_files_are_looked_for_beside_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside, working = tmp_path / "etc", tmp_path / "work"
    for folder in (beside, working):
        folder.mkdir()
        (folder / "ca.crt").touch()
    monkeypatch.chdir(working)
    keys = with_node(transport={"tls": {"ca": "ca.crt"}})
    from_mapping, from_file = NodeConfig.load(keys), NodeConfig.load(write(beside, json.dumps(keys)))
    assert from_mapping.transport.tls == TlsConfig(ca="ca.crt") == TlsConfig(ca=str(working / "ca.crt"))
    assert from_file.transport.tls == TlsConfig(ca=str(beside / "ca.crt"))
    relative = write(beside, json.dumps(keys)).relative_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert NodeConfig.load(relative) == from_file


def test_a_pipe_is_no_certificate(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "tls.ca: " + str(tmp_path / "pipe") + " is no ordinary file" in problem(
        with_node(transport={"tls": {"ca": str(tmp_path / "pipe")}})
    )


def test_a_file_a_mapping_and_a_value_mean_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, "node: {id: trainer, role: trainer}")
    from_mapping = NodeConfig.load(NODE)
    assert NodeConfig.load(path) == NodeConfig.load(str(path)) == from_mapping
    assert NodeConfig.load(from_mapping) is from_mapping


def test_it_can_be_copied_and_sent_to_another_process() -> None:
    config = NodeConfig.load(
        with_node(connect_to=["a@b:1"], transport={"interceptors": [{"type": "auth", "token": "x"}]})
    )
    assert pickle.loads(pickle.dumps(config)) == copy.deepcopy(config) == config


@pytest.mark.parametrize(("keys", "expected"), MISTAKES + CONFLICTS)
def test_a_mistake_is_told_with_its_path_and_a_remedy(keys: dict[str, object], expected: str) -> None:
    assert expected in problem(with_node(**keys))


def test_all_problems_of_a_file_come_at_once_each_at_its_place(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """\
node: {id: trainer, role: trainer}
transport:
  mode: memroy
listen:
  port: ${NO_SUCH_PORT}
  port: 2
timeout: {conect: 1}
""",
    )
    lines = problem(path).splitlines()
    assert lines == [
        (
            f"{path}:3:3: transport.mode: must be auto, memory, grpc or module:Class, not 'memroy'"
            " (did you mean 'memory'?)"
        ),
        f"{path}:6:3: listen.port: is given twice, first in line 5: keep one of them",
        (
            f"{path}:7:11: timeout.conect: unknown key (did you mean 'connect'?); "
            "known here: connect, request, idle, grace"
        ),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ":1:1: the file is empty"),
        ("- a", ":1:1: must be a mapping such as {node: {id: trainer, role: trainer}}"),
        ("node: {id: a", ":1:13: bad YAML: "),
        ("node: {}\n---\nnode: {}", ":2:1: bad YAML: "),
        ("node: &a {id: x, role: y}\nlisten: *a", ":2:9: bad YAML: aliases are not supported"),
        ("[" * 5000, "bad YAML: nested deeper than 32 levels"),
        ("node: {id: !!python/name:os.system x, role: y}", ":1:8: node.id: 'x' cannot be read as python/name"),
        ("node: {id: !secret x, role: y}", ":1:8: node.id: 'x' cannot be read as !secret"),
        ("listen: {port: 12:30}", "listen.port: '12:30' cannot be read as int"),
        ("node: {id: a\x07, role: b}", "is not YAML"),
    ],
)
def test_a_bad_file_is_told_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    path = write(tmp_path, text)
    message = problem(path)
    assert message.startswith(str(path))
    assert expected in message


def test_an_unreadable_file_is_told_with_its_name(tmp_path: Path) -> None:
    assert "nowhere.yaml: there is no such file" in problem(tmp_path / "nowhere.yaml")
    assert f"{tmp_path}: cannot be read" in problem(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"node: {id: \xe9}")
    assert "latin.yaml: is not UTF-8 text" in problem(tmp_path / "latin.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * (1 << 20) + b"\n")
    assert "is longer than" in problem(tmp_path / "large.yaml")


def test_variables_are_filled_and_take_the_type_that_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ID", "learner_0")
    monkeypatch.setenv("PORT", "50051")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("UNSET", raising=False)
    config = NodeConfig.load(
        {
            "node": {"id": "${ID}", "role": "${UNSET:-learner}"},
            "listen": {"host": "${EMPTY:-localhost}", "port": "${PORT}"},
            "connect_to": ["hub@${UNSET:-hub}.example:${PORT}"],
            "timeout": {"connect": "${UNSET:-2.5}"},
            "heartbeat": {"enabled": "${UNSET:-False}"},
            "transport": {"max_message_size": "${UNSET:-1MiB}", "interceptors": [{"type": "a:B", "x": ["$${ID}"]}]},
        }
    )
    assert (config.node.id, config.node.role) == ("learner_0", "learner")
    assert config.listen == ListenConfig(host="localhost", port=50051)
    assert config.connect_to == (Address(node_id="hub", host="hub.example", port=50051),)
    assert (config.timeout.connect, config.transport.max_message_size) == (2.5, 1024**2)
    assert config.heartbeat.enabled is False
    assert config.transport.interceptors[0].options == {"x": ["${ID}"]}


def test_variables_can_be_given_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ID", "theirs")
    assert NodeConfig.load({"node": {"id": "${ID}", "role": "x"}}, {"ID": "mine"}).node.id == "mine"
    with pytest.raises(ConfigError, match="ID is not set"):
        NodeConfig.load({"node": {"id": "${ID}"}}, {})


def test_missing_variables_and_malformed_references_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH", raising=False)
    assert problem(with_node(listen={"port": "${NO_SUCH}"})) == (
        "listen.port: the environment variable NO_SUCH is not set: set it, or give a default as ${NO_SUCH:-default}"
    )
    assert "'${no such}' is no reference" in problem(with_node(connect_to=["${no such}"]))


def test_a_variable_cannot_add_structure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ID", "a, role: trainer}\nlisten: {port: 1")
    assert "node.id: must be printable" in problem(write(tmp_path, "node: {id: '${ID}', role: learner}"))


@pytest.mark.parametrize(
    "keys",
    [
        {"node": {"id": "${SECRET}", "role": "x"}},
        {"listen": {"port": "${SECRET}"}},
        {"listen": {"host": "${SECRET}", "port": 1}},
        {"connect_to": ["${SECRET}"]},
        {"connect_to": ["a@${SECRET}:1"]},
        {"timeout": {"connect": "${SECRET}"}},
        {"transport": {"mode": "${SECRET}"}},
        {"transport": {"max_message_size": "${SECRET}"}},
        {"transport": {"interceptors": "${SECRET}"}},
        {"transport": {"tls": {"ca": "${SECRET}"}}},
        {"transport": {"tls": {"ca": "/${SECRET}/\0"}}},
        {"listen": {"host": "unix:${SECRET}"}},
        {"connect_to": ["a@unix:/${SECRET}"]},
        {"node": {"id": "a", "role": "b", "debug": "${SECRET}"}},
        {"retry": {"max_attempts": "${SECRET}"}},
        {"retry": {"backoff_strategy": "${SECRET}"}},
        {"timeout": {"grace": "${SECRET}"}},
        {"transport": {"interceptors": [{"type": "${SECRET}"}]}},
    ],
)
def test_errors_do_not_tell_what_the_environment_holds(
    keys: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter 2")
    message = problem(with_node(**keys))
    assert "hunter" not in message
    assert "${SECRET}" in message


def test_the_repr_tells_no_option_of_an_interceptor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    interceptors = [{"type": "auth", "token": "${SECRET}"}, {"type": "auth", "token": "hunter2"}]
    config = NodeConfig.load(with_node(transport={"interceptors": interceptors}))
    assert "hunter2" not in repr(config)
    assert "token" in repr(config)
    assert "hunter2" not in repr(config.transport.interceptors[0].options)
    assert config.transport.interceptors[0].options["token"] == "hunter2"


def test_a_value_made_in_code_is_checked_as_well() -> None:
    with pytest.raises(ConfigError, match=r"port: must be a whole number"):
        ListenConfig(port=-1)
    with pytest.raises(ConfigError, match=r"port: is missing"):
        ListenConfig(host="localhost")
    with pytest.raises(ConfigError, match=r"id: must be text, not None"):
        IdentityConfig(id=None, role="x")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"must be id@host:port"):
        Address.parse("learner_0")
    with pytest.raises(AttributeError):
        ListenConfig(port=1).port = 2


@pytest.mark.parametrize("written", ["a@b:1", "a@127.0.0.1:65535", "a@[::1]:50051", "a@unix:/run/l.sock"])
def test_an_address_is_written_as_it_is_read(written: str) -> None:
    assert str(Address.parse(written)) == written


@pytest.mark.parametrize(
    ("written", "size"),
    [(1, 1), ("10", 10), ("1KB", 1000), ("1.5 KiB", 1536), ("2GiB", 2 << 30), ("16TB", 16 * 10**12)],
)
def test_sizes(written: object, size: int) -> None:
    assert NodeConfig.load(with_node(transport={"max_message_size": written})).transport.max_message_size == size
