"""`python -m tests.roundtrip.exercise FOLDER SEED`: import all Python in a folder and send random values through it.

Every record and error is encoded and decoded; every method is called in serialized memory, with each serializer, and
raises each of its errors; so is every method of every fake. On standard output comes what the wire names are, as JSON:
by full name, the names of the fields of each message, of the values of each enumeration and of the methods of each
service.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from google.protobuf.descriptor import Descriptor, FileDescriptor
from oiafed_rpc import MemoryNetwork, MemoryTransport, Node
from oiafed_rpc.codec.messages import Params
from oiafed_rpc.collection import ProxyCollection
from oiafed_rpc.errors import DeclaredError
from oiafed_rpc.handlers import Handler
from oiafed_rpc.method import Method
from oiafed_rpc.proxy import Proxy
from oiafed_rpc.records import Record, same_value
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.testing.fakes.fake import Fake, scripts_of

from tests.roundtrip.values import REQUIRED, Values, defaults_of, generated

SERIALIZERS = ("proto", "json", "pickle")


def main() -> None:
    """Run on the folder that the arguments name."""
    folder, values = Path(sys.argv[1]).resolve(), Values(int(sys.argv[2]))
    sys.path.insert(0, str(folder))
    warnings.simplefilter("error")
    modules = import_all(folder)
    warnings.simplefilter("ignore", DeprecationWarning)  # what the schema calls deprecated is called as well
    for cls in (*generated(Record), *generated(DeclaredError)):
        send(cls, values)
    asyncio.run(_call_all(values))
    print(json.dumps(wire_names(modules)))


def import_all(folder: Path) -> list[ModuleType]:
    """Import every module below a folder."""
    paths = (path.relative_to(folder).with_suffix("") for path in sorted(folder.rglob("*.py")))
    return [importlib.import_module(".".join(path.parts).removesuffix(".__init__")) for path in paths]


def send(cls: type[Any], values: Values) -> None:
    """Encode and decode an instance of a record or error class."""
    value = values.record(cls)
    again = cls.__wire__.decode(cls.__wire__.encode(value, Serializers()), Serializers())
    see_same(_told(value), _told(again), cls.__qualname__)


def _told(value: object) -> object:
    """What is to be the same of two values: an error equals no other, but its fields can."""
    if not isinstance(value, DeclaredError):
        return value
    return {name: getattr(value, name) for name in defaults_of(type(value))}


def see_same(sent: object, arrived: object, what: str) -> None:
    """Fail where something arrived differently."""
    if not same_value(sent, arrived):
        raise AssertionError(f"{what}: {sent!r} was sent, {arrived!r} arrived")


class Plan:
    """What a handler's method does next, and what it was given."""

    def __init__(self, values: Values, spec: Method[Any]) -> None:
        self.spec = spec
        self.request = _request(values, spec)
        results = [_single(values, spec.response) for _ in range(3 if spec.gives_stream else 1)]
        self.result = results if spec.gives_stream else results[0]
        self.error: DeclaredError | None = None
        self.given: Any = None

    async def answer(self, *args: Any, **kwargs: Any) -> Any:
        """Take a request; give the result or raise the error."""
        stream = self.spec.request.stream if isinstance(self.spec.request, Params) else ""
        given: Any = kwargs if isinstance(self.spec.request, Params) else args[0]
        if stream:
            given = {**given, stream: [item async for item in given[stream]]}
        elif self.spec.takes_stream:
            given = [item async for item in given]
        self.given = given
        if self.error is not None:
            raise self.error
        return self.result

    def method(self) -> Callable[..., Any]:
        """The method of a handler that follows this plan."""

        async def unary(_: Handler, /, *args: Any, **kwargs: Any) -> Any:
            return await self.answer(*args, **kwargs)

        async def stream(_: Handler, /, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            for item in await self.answer(*args, **kwargs):
                yield item

        return stream if self.spec.gives_stream else unary


def _request(values: Values, spec: Method[Any]) -> Any:
    """The parameters of a method by name, or its request, or the items of that."""
    if not isinstance(spec.request, Params):
        return [_single(values, spec.request) for _ in range(2)] if spec.takes_stream else _single(values, spec.request)
    params = spec.request
    descriptor = params._wire.DESCRIPTOR
    absences = [None if field.containing_oneof else REQUIRED for field in descriptor.fields]
    defaults = dict(zip(params.names, absences, strict=True)) | params._defaults
    given = values.fields(descriptor, defaults)
    if params.stream:
        field = descriptor.fields[params.names.index(params.stream)]
        given[params.stream] = [values.field(field, defaults[params.stream]) for _ in range(3)]
    return given


def _single(values: Values, shape: Any) -> Any:
    """A value of what a method's request or response is, where that is no set of parameters."""
    if isinstance(shape, type):
        return values.record(shape)
    descriptor: Descriptor = shape._wire.DESCRIPTOR
    if shape._native is not None:
        return values.message(descriptor)
    if shape._empty:
        return None
    return values.field(descriptor.fields[0], None if descriptor.fields[0].containing_oneof else REQUIRED)


async def _call_all(values: Values) -> None:
    """Serve every handler class on one node, and call each of its methods from another."""
    network = MemoryNetwork()
    server = Node("server", "server", MemoryTransport(network, serialize=True))
    stage = Node("stage", "server", MemoryTransport(network, serialize=True))
    plans: dict[type[Any], list[Plan]] = {}
    doubles = {fake.__mro__[2]: fake() for fake in generated(Fake)}
    for base in generated(Handler):
        if issubclass(base, Fake):
            continue
        plans[base] = [Plan(values, spec) for spec in base.__methods__]
        methods = {plan.spec.attribute: plan.method() for plan in plans[base]}
        server.register(type(base.__name__, (base,), methods)())
        stage.register(doubles[base])
    proxies, collections = _by_module(Proxy), _by_module(ProxyCollection)
    callers = {caller for each in plans.values() for plan in each for caller in plan.spec.callers[:1]} | {"caller"}
    async with server, stage:
        for role in sorted(callers):
            async with Node("caller", role, MemoryTransport(network, serialize=True)) as node:
                for base, each in plans.items():
                    mine = [plan for plan in each if (plan.spec.callers[:1] or ("caller",)) == (role,)]
                    proxy = node.get_proxy("server", proxies[base.__module__, base.__role__])
                    many = node.get_collection(collections[base.__module__, base.__role__], targets=["server"])
                    for plan in mine:
                        await _call(plan, proxy, many, values)
                        await _call_fake(plan, doubles[base], type(proxy), node)


def _by_module(base: type[Any]) -> dict[tuple[str, str], type[Any]]:
    """The generated classes below a base, by module and role."""
    found = {}
    for cls in generated(base):
        role = cls.__role__ if issubclass(cls, Proxy) else cls.__proxy__.__role__
        found[cls.__module__, role] = cls
    return found


async def _call(plan: Plan, proxy: Proxy, many: ProxyCollection[Any], values: Values) -> None:
    """Call one method with each serializer, of one and of many, and have it raise each of its errors."""
    title = plan.spec.title
    for serializer in SERIALIZERS:
        arrived = await _result(plan, getattr(proxy.with_options(serializer=serializer), plan.spec.attribute))
        see_same(plan.request, plan.given, f"{title}'s request, {serializer}")
        see_same(plan.result, arrived, f"{title}'s response, {serializer}")
    replies = await _result(plan, getattr(many, plan.spec.attribute))
    answers = [reply.value for reply in replies] if plan.spec.gives_stream else replies["server"]
    see_same(plan.result, answers, f"{title}'s responses")
    for cls in plan.spec.errors:
        plan.error = values.record(cls)
        try:
            await _result(plan, getattr(proxy, plan.spec.attribute))
        except cls as error:
            see_same(_told(plan.error), _told(error), f"{title}'s {cls.__qualname__}")
        else:
            raise AssertionError(f"{title} did not raise {cls.__qualname__}")


async def _call_fake(plan: Plan, fake: Fake, proxy: type[Proxy], node: Node) -> None:
    """Script one method of a fake, call it with each serializer, and see what it kept."""
    script: Any = next(each for each in scripts_of(fake) if each.spec is plan.spec)
    for serializer in SERIALIZERS:
        script.reset()
        script.yields(*plan.result) if plan.spec.gives_stream else script.returns(plan.result)
        stub = node.get_proxy("stage", proxy).with_options(serializer=serializer)
        arrived = await _result(plan, getattr(stub, plan.spec.attribute))
        see_same(plan.result, arrived, f"{plan.spec.title}'s response from a fake, {serializer}")
        if isinstance(plan.spec.request, Params):
            script.assert_called_once_with(**plan.request)
        else:
            script.assert_called_once_with(plan.request)


async def _result(plan: Plan, method: Callable[..., Any]) -> Any:
    call = method(**plan.request) if isinstance(plan.spec.request, Params) else method(plan.request)
    return [item async for item in call] if plan.spec.gives_stream else await call


def wire_names(modules: list[ModuleType]) -> dict[str, list[str]]:
    """The names in the descriptors of `_pb2` modules."""
    names: dict[str, list[str]] = {}
    for module in modules:
        if module.__name__.endswith("_pb2"):
            names |= _names_in(module.DESCRIPTOR)
    return names


def _names_in(file: FileDescriptor) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    enums = dict(file.enum_types_by_name)
    ahead: list[Descriptor] = list(file.message_types_by_name.values())
    while ahead:
        message = ahead.pop()
        ahead += message.nested_types
        names[message.full_name] = [field.name for field in message.fields]
        names |= {enum.full_name: [value.name for value in enum.values] for enum in message.enum_types}
    names |= {enum.full_name: [value.name for value in enum.values] for enum in enums.values()}
    services: Mapping[str, Any] = file.services_by_name
    names |= {service.full_name: [method.name for method in service.methods] for service in services.values()}
    return names


if __name__ == "__main__":
    main()
