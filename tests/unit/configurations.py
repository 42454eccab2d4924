"""Configurations, right and wrong, for the tests of the configuration and of its schema."""

from __future__ import annotations

from pathlib import Path

NODE = {"node": {"id": "trainer", "role": "trainer"}}


def with_node(**keys: object) -> dict[str, object]:
    """A configuration with these keys."""
    return {**NODE, **keys}


FULL = """
node: {id: trainer, role: trainer, debug: true}
listen: {host: 0.0.0.0, port: 50051}
connect_to: [learner_0@192.168.1.2:50052, "learner_1@[fe80::1]:50053", learner_2@unix:/run/l.sock]
transport:
  mode: grpc
  serializer: mypackage.wire:Serializer
  accept: [proto, mypackage.wire:Serializer]
  pickle_allow: ["mypackage.*", mypackage.Model]
  interceptors: [{type: logging}, {type: auth, token: "${TOKEN}"}, {type: "mypackage.log:Log", level: 3}]
  tls: {cert: node.crt, key: keys/node.key, ca: "${FOLDER:-}ca.crt"}
  lanes: {socket: true, shared_memory: false, socket_port: 50061}
  max_message_size: 512MB
  faults:
    seed: 7
    rules: [{kind: delay, of: reply, chance: 0.5, seconds: [0, 2], methods: [fit], targets: [l*], skip: 1, times: 3}]
timeout: {connect: 2.5, request: 90, idle: 7.5, grace: 0}
retry: {max_attempts: 5, backoff_strategy: linear, initial_delay: 0.5, max_delay: 8, total_timeout: 60}
heartbeat: {enabled: false, interval: 5, timeout: 20}
delivery: {patience: 12.5, calls: 100, memory: 1MiB}
limits:
  calls: 64
  queue: 0
  methods: {fit: {calls: 1, queue: 8}, evaluate: {calls: "${EVALUATIONS:-2}"}}
  transfers: 16
  transfer_memory: 2GiB
"""

VALID: list[dict[str, object]] = [
    with_node(),
    with_node(listen={"port": 0}, transport=None, timeout={}, connect_to=None, retry=None, heartbeat=None),
    with_node(listen={"host": "::1", "port": 50051}),
    with_node(listen={"host": "unix", "port": 50051}),
    with_node(listen={"host": "unix:/run/node.sock"}),
    with_node(listen={"host": "unix:/run/node.sock", "port": None}),
    with_node(listen={"host": "${HOST:-unix:/run/node.sock}"}),
    with_node(connect_to=["a@b:1", "b@[::1]:2", "c@unix:/run/c.sock", "${D:-d@unix:/run/d.sock}"]),
    with_node(transport={"serializer": None, "interceptors": [{"type": "compression", "level": 3}]}),
    with_node(transport={"tls": {"ca": __file__}}),
    with_node(transport={"tls": {"ca": None, "cert": __file__, "key": __file__}}),
    with_node(transport={"tls": None, "max_message_size": " 1.5 GiB "}),
    with_node(node={"id": "${ID:-a}", "role": "b", "debug": "${DEBUG:-true}"}),
    with_node(transport={"lanes": {"socket": "${SOCKET:-off}", "shared_memory": None, "socket_port": "${PORT:-0}"}}),
    with_node(transport={"lanes": None}, timeout={"idle": 0.5}),
    with_node(transport={"faults": None}),
    with_node(transport={"faults": {"rules": []}}),
    with_node(transport={"faults": {"seed": "${SEED:-7}", "rules": [{"kind": "${KIND:-drop}", "chance": 0.5}]}}),
    with_node(transport={"faults": {"rules": [{"kind": "delay", "seconds": [0, "${S:-1}"], "times": None}]}}),
    with_node(transport={"faults": {"rules": [{"kind": "throttle", "rate": "1MB"}, {"kind": "cut", "seconds": 2}]}}),
    with_node(timeout={"connect": "${CONNECT:-1.5}", "grace": 0}),
    with_node(retry={"max_attempts": "${ATTEMPTS:-1}", "initial_delay": 0, "max_delay": 0, "total_timeout": None}),
    with_node(heartbeat={"enabled": False, "interval": 1, "timeout": 1.5}),
    with_node(limits=None),
    with_node(limits={"calls": "${CALLS:-10}", "methods": {}, "queue": None, "transfer_memory": 1000}),
    with_node(limits={"methods": {"any name": {"calls": 1, "queue": None}}}),
]

MISTAKES: list[tuple[dict[str, object], str]] = [
    ({"nod": {}}, "nod: unknown key (did you mean 'node'?)"),
    ({"transport": {"mod": "grpc"}}, "transport.mod: unknown key (did you mean 'mode'?)"),
    ({"transport": {"mode": "memroy"}}, "'memroy' (did you mean 'memory'?)"),
    ({"transport": {"mode": "Grpc"}}, "transport.mode: must be auto, memory, grpc or module:Class, not 'Grpc'"),
    ({"transport": {"mode": True}}, "transport.mode: must be text, not True: put it in quotes"),
    ({"transport": "grpc"}, "transport: must be a mapping such as {mode: auto}, not 'grpc'"),
    ({"transport": {"accept": "pickle"}}, "transport.accept: must be a list, not 'pickle'"),
    ({"transport": {"pickle_allow": ["*"]}}, "transport.pickle_allow[0]: must be a dotted name"),
    ({"transport": {"max_message_size": "16 gigs"}}, "transport.max_message_size: must be a size such as 16GiB"),
    ({"transport": {"max_message_size": 0}}, "transport.max_message_size: must be a size"),
    ({"transport": {"interceptors": ["logging"]}}, "interceptors[0]: must be a mapping such as {type: logging}"),
    ({"transport": {"interceptors": [{}]}}, "transport.interceptors[0].type: is missing"),
    ({"transport": {"interceptors": [{"type": "loging"}]}}, "(did you mean 'logging'?)"),
    (
        {"transport": {"lanes": False}},
        "transport.lanes: must be a mapping such as {socket: true, shared_memory: false}",
    ),
    ({"transport": {"lanes": {"socket": 1}}}, "transport.lanes.socket: must be true or false, not 1"),
    ({"transport": {"lanes": {"shm": False}}}, "transport.lanes.shm: unknown key; known here: socket, shared_memory"),
    ({"transport": {"lanes": {"socket_port": -1}}}, "transport.lanes.socket_port: must be a whole number from 0"),
    ({"limits": {"calls": 0}}, "limits.calls: must be a whole number from 1 to 1,000,000, not 0"),
    ({"limits": {"queue": -1}}, "limits.queue: must be a whole number from 0 to 1,000,000, not -1"),
    ({"limits": {"methods": ["fit"]}}, "limits.methods: must be a mapping such as {name: {calls: 1, queue: 8}}"),
    ({"limits": {"methods": {"fit": 1}}}, "limits.methods.fit: must be a mapping such as {calls: 1, queue: 8}, not 1"),
    ({"limits": {"methods": {"fit": {}}}}, "limits.methods.fit.calls: is missing"),
    ({"limits": {"methods": {"fit": {"cals": 1}}}}, "limits.methods.fit.cals: unknown key (did you mean 'calls'?)"),
    ({"limits": {"transfer_memory": "much"}}, "limits.transfer_memory: must be a size such as 16GiB"),
    ({"transport": {"faults": {"rules": {"kind": "drop"}}}}, "transport.faults.rules: must be a list"),
    ({"transport": {"faults": {"rules": ["drop"]}}}, "faults.rules[0]: must be a mapping such as {kind: drop, chance"),
    ({"transport": {"faults": {"rules": [{}]}}}, "transport.faults.rules[0].kind: is missing"),
    ({"transport": {"faults": {"rules": [{"kind": "cutt"}]}}}, "faults.rules[0].kind: must be drop, delay, duplicate"),
    ({"transport": {"faults": {"rules": [{"kind": "delay"}]}}}, "rules[0].seconds: is missing: `delay` needs it"),
    ({"transport": {"faults": {"rules": [{"kind": "throttle"}]}}}, "rules[0].rate: is missing: `throttle` needs it"),
    ({"transport": {"faults": {"rules": [{"kind": "drop", "rate": 9}]}}}, "rules[0].rate: is of no use to `drop`"),
    ({"transport": {"faults": {"rules": [{"kind": "duplicate", "of": "reply"}]}}}, "rules[0].of: a reply cannot be"),
    ({"transport": {"faults": {"rules": [{"kind": "drop", "chance": 2}]}}}, "rules[0].chance: must be a number from 0"),
    ({"transport": {"faults": {"rules": [{"kind": "cut", "seconds": [1]}]}}}, "rules[0].seconds: must be a number of"),
    (
        {"transport": {"faults": {"rules": [{"kind": "cut", "skip": -1}]}}},
        "rules[0].skip: must be a whole number",
    ),
    (
        {"transport": {"faults": {"rules": [{"kind": "cut", "targets": [""]}]}}},
        "targets[0]: must not be empty",
    ),
    ({"transport": {"faults": {"seed": 1.5}}}, "transport.faults.seed: must be a whole number, not 1.5"),
    ({"timeout": {"idle": 0}}, "timeout.idle: must be a number of seconds above 0"),
    ({"listen": {}}, "listen.port: is missing"),
    ({"listen": {"port": 65536}}, "listen.port: must be a whole number from 0 (any free port) to 65535, not 65536"),
    ({"listen": {"port": "50051"}}, "listen.port: must be a whole number"),
    ({"listen": {"port": True}}, "listen.port: must be a whole number"),
    ({"listen": {"port": 1.5}}, "listen.port: must be a whole number"),
    (
        {"listen": {"host": "a b", "port": 1}},
        "listen.host: must be a host name, an IP address or unix:/path, not 'a b'",
    ),
    (
        {"timeout": {"connect": 0}},
        "timeout.connect: must be a number of seconds above 0 and up to 100,000,000, not 0",
    ),
    ({"timeout": {"request": float("inf")}}, "timeout.request: must be a number of seconds above 0"),
    ({"connect_to": "a@b:1"}, "connect_to: must be a list"),
    ({"connect_to": ["b:1"]}, "connect_to[0]: must be id@host:port"),
    ({"connect_to": ["a@::1:5"]}, "connect_to[0]: must be id@host:port"),
    ({"node": {"id": "a b", "role": "x"}}, "node.id: must be printable, without spaces"),
    ({"node": {"id": "", "role": "x"}}, "node.id: must not be empty"),
    ({"node": {"id": 7, "role": "x"}}, "node.id: must be text, not 7"),
    ({"node": {"id": "a"}}, "node.role: is missing"),
    ({"node": None}, "node: is missing"),
    ({"node": {"id": "a", "role": "x", "debug": "yes"}}, "node.debug: must be true or false, not 'yes'"),
    ({"transport": {"serializer": "yaml"}}, "transport.serializer: must be pickle, json, proto or module:Class"),
    ({"transport": {"accept": ["proto", "jsn"]}}, "transport.accept[1]: must be pickle, json, proto or module:Class"),
    ({"transport": {"max_message_size": 1 << 63}}, "transport.max_message_size: must be a size"),
    ({"transport": {"tls": {}}}, "transport.tls: needs at least `ca`, or `cert` and `key`"),
    ({"transport": {"tls": "node.crt"}}, "transport.tls: must be a mapping such as {cert: node.crt"),
    ({"transport": {"tls": {"cert": __file__}}}, "transport.tls.key: is missing: `cert` is of no use without it"),
    ({"transport": {"tls": {"key": __file__}}}, "transport.tls.cert: is missing: `key` is of no use without it"),
    ({"transport": {"tls": {"ca": 1}}}, "transport.tls.ca: must be text, not 1"),
    ({"transport": {"tls": {"crt": "a"}}}, "transport.tls.crt: unknown key (did you mean 'cert'?)"),
    ({"listen": {"host": "unix:/run/n.sock", "port": 1}}, "listen.port: a Unix socket has no port: leave it out"),
    ({"listen": {"host": "unix:n.sock"}}, "listen.host: must be unix: and an absolute path"),
    ({"listen": {"host": "unix:"}}, "listen.host: must be unix: and an absolute path"),
    ({"listen": {"host": "unix:@n"}}, "listen.host: must be unix: and an absolute path"),
    ({"listen": {"host": "unix:/run/\ud800"}}, "listen.host: must be unix: and an absolute path"),
    ({"listen": {"host": "unix:/run/a b"}}, "listen.host: must be unix: and an absolute path"),
    ({"listen": {"host": "unix://run/n.sock"}}, "listen.host: must be unix: and an absolute path"),
    ({"listen": {"host": "unix-abstract:n"}}, "listen.host: must be unix: and an absolute path"),
    ({"listen": {"host": f"unix:/{'a' * 107}"}}, "listen.host: the path of a Unix socket may have 107 bytes"),
    ({"timeout": {"grace": -1}}, "timeout.grace: must be a number of seconds from 0 to 100,000,000, not -1"),
    ({"retry": {"max_attempts": 0}}, "retry.max_attempts: must be a whole number from 1 to 1,000, not 0"),
    ({"retry": {"max_attempts": 2.5}}, "retry.max_attempts: must be a whole number"),
    (
        {"retry": {"backoff_strategy": "linaer"}},
        "retry.backoff_strategy: must be exponential, linear or constant, not 'linaer' (did you mean 'linear'?)",
    ),
    ({"retry": {"initial_delay": -1}}, "retry.initial_delay: must be a number of seconds from 0"),
    ({"retry": {"max_delay": "1s"}}, "retry.max_delay: must be a number of seconds from 0"),
    ({"retry": {"total_timeout": 0}}, "retry.total_timeout: must be a number of seconds above 0"),
    ({"retry": {"attempts": 3}}, "retry.attempts: unknown key (did you mean 'max_attempts'?)"),
    ({"heartbeat": {"enabled": 1}}, "heartbeat.enabled: must be true or false, not 1"),
    ({"heartbeat": {"interval": 0}}, "heartbeat.interval: must be a number of seconds above 0"),
    ({"heartbeat": True}, "heartbeat: must be a mapping such as {interval: 30, timeout: 90}, not True"),
]
"""Keys → the start of what is said of them."""

CONFLICTS: list[tuple[dict[str, object], str]] = [
    ({"timeout": {"request": float("nan")}}, "timeout.request: must be a number of seconds above 0"),
    ({"connect_to": ["a@b:0"]}, "connect_to[0].port: must be the port that the node listens on"),
    ({"connect_to": ["a@b:1", "a@c:2"]}, "connect_to[1]: 'a' is listed twice"),
    ({"connect_to": ["trainer@b:1"]}, "connect_to[0]: 'trainer' is this node itself"),
    ({"connect_to": ["a@unix:b"]}, "connect_to[0].host: must be unix: and an absolute path"),
    ({"node": {"id": "a\u200b", "role": "x"}}, "node.id: must be printable"),
    ({"transport": {"max_message_size": "9" * 400}}, "transport.max_message_size: must be a size"),
    ({"transport": {"max_message_size": "0B"}}, "transport.max_message_size: must be a size"),
    ({"transport": {"tls": {"ca": "nowhere.crt"}}}, f"transport.tls.ca: there is no file {Path.cwd() / 'nowhere.crt'}"),
    ({"transport": {"tls": {"ca": "/"}}}, "transport.tls.ca: / is no ordinary file"),
    (
        {"transport": {"faults": {"rules": [{"kind": "cut", "seconds": [2, 1]}]}}},
        "rules[0].seconds: must be [least, most], not [2, 1]: the first exceeds the second",
    ),
    ({"retry": {"initial_delay": 31}}, "retry.initial_delay: must not exceed max_delay, which is 30"),
    ({"heartbeat": {"timeout": 30}}, "heartbeat.timeout: must be longer than interval, which is 30"),
]
"""The same for what JSON Schema cannot say."""
