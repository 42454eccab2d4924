"""The plugin of pytest: fixtures that are a whole federation.

pytest loads it in every run of everybody who has the package installed. So it imports nothing until a fixture is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from oiafed_rpc.testing.federation import BlockingFederation
    from oiafed_rpc.transport.base import Transport

_OPTION = "--oiafed-transport"
_MARK = "oiafed_transport"
_NAMES = ("memory", "serialized", "grpc")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that chooses the transports."""
    parser.getgroup("oiafed").addoption(
        _OPTION,
        action="append",
        choices=(*_NAMES, "all"),
        help="what the nodes of the fixtures `federation` and `blocking_federation` call each other over; "
        "given several times, their tests run on each (default: memory)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Add the mark, and the asynchronous fixture where pytest-asyncio is there to run it."""
    config.addinivalue_line("markers", f"{_MARK}(*names): run on these transports of {', '.join(_NAMES)}")
    if config.pluginmanager.hasplugin("asyncio"):
        from oiafed_rpc.testing import asyncio_plugin

        config.pluginmanager.register(asyncio_plugin)
    else:
        config.pluginmanager.register(_WithoutAsyncio())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat a test for each of its transports, where there are several."""
    if _MARK not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker(_MARK)
    names = list(mark.args) if mark else _chosen(metafunc.config)
    if mark or len(names) > 1:
        metafunc.parametrize(_MARK, names, indirect=True)


def _chosen(config: pytest.Config) -> list[str]:
    names: list[str] = config.getoption(_OPTION, None) or ["memory"]
    return list(_NAMES) if "all" in names else list(dict.fromkeys(names))


@pytest.fixture
def oiafed_transport(request: pytest.FixtureRequest) -> Callable[[], Transport]:
    """Makes the transport of each node. Override it to run federations on a transport of your own."""
    from oiafed_rpc.testing.transports import maker

    return maker(getattr(request, "param", _chosen(request.config)[0]))


@pytest.fixture
def blocking_federation(oiafed_transport: Callable[[], Transport]) -> Iterator[BlockingFederation]:
    """Nodes that all know each other, for tests without `await`, stopped at the end of the test."""
    from oiafed_rpc.testing.federation import BlockingFederation

    federation = BlockingFederation(oiafed_transport)
    try:
        yield federation
    finally:
        federation.close()


class _WithoutAsyncio:
    """The fixture where nothing runs it."""

    @pytest.fixture
    def federation(self) -> None:
        """Nodes that all know each other; needs pytest-asyncio."""
        pytest.fail(
            "the fixture `federation` needs pytest-asyncio, which is not there: pip install 'oiafed-rpc[test]'; "
            "or take `blocking_federation`",
            pytrace=False,
        )
