"""The plugin of pytest, in runs of its own."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import asyncio
import pytest
from federation.v1 import FitConfig, FitResult, LearnerProxy
from federation.v1.testing import FakeLearner


async def test_a_call(federation):
    (fake,) = await federation.fakes(FakeLearner)
    fake.on.fit.returns(FitResult(weights={}, samples=1, loss=0.0))
    trainer = await federation.node("trainer", "trainer")
    print("over", type(trainer.transport).__name__)
    assert (await trainer.get_proxy("learner_0", LearnerProxy).fit({}, FitConfig(epochs=1))).samples == 1
"""
BLOCKING = """
from federation.v1.testing import FakeLearner


def test_without_await(blocking_federation):
    (fake,) = blocking_federation.fakes(FakeLearner)
    fake.on.fit.assert_not_called()
    assert list(blocking_federation.nodes) == ["learner_0"]
"""
OPTIONS = (
    "-p",
    "oiafed_rpc.testing.plugin",
    "-p",
    "no:randomly",
    "-p",
    "no:xdist",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:hypothesispytest",
)
AUTO = ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")


def _run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(*OPTIONS, *arguments)


def test_in_memory_by_default(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    result = _run(pytester, *AUTO, "-v", "-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*::test_a_call *over MemoryTransport*"])


def test_the_option_repeats_each_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS + BLOCKING)
    result = _run(pytester, *AUTO, "-v", "--oiafed-transport=all")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["*::test_a_call?memory? *", "*::test_a_call?serialized? *", "*::test_a_call?grpc? *"])
    _run(pytester, *AUTO, "--oiafed-transport=grpc").assert_outcomes(passed=2)
    wrong = _run(pytester, "--oiafed-transport=carrier-pigeon")
    assert wrong.ret == pytest.ExitCode.USAGE_ERROR


def test_the_mark_chooses_for_one_test(pytester: pytest.Pytester) -> None:
    mark = '@pytest.mark.oiafed_transport("serialized", "grpc")\nasync def test_a_call'
    pytester.makepyfile(TESTS.replace("async def test_a_call", mark))
    result = _run(pytester, *AUTO, "-v", "--strict-markers", "--oiafed-transport=memory")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*?serialized? *", "*?grpc? *"])


def test_a_wrong_mark_names_the_right_ones(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS.replace("async def test_a_call", "@pytest.mark.oiafed_transport('x')\nasync def test_a"))
    result = _run(pytester, *AUTO)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*there is no transport 'x': take memory, serialized or grpc"])


def test_a_transport_of_ones_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    pytester.makeconftest("""
import pytest
from oiafed_rpc import MemoryNetwork, MemoryTransport

class Mine(MemoryTransport):
    pass

@pytest.fixture
def oiafed_transport():
    network = MemoryNetwork()
    return lambda: Mine(network)
""")
    result = _run(pytester, *AUTO, "-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*over Mine*"])


def test_nodes_stop_when_a_test_fails(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        TESTS
        + """
nodes = []

async def test_fails(federation):
    nodes.append(await federation.node("trainer", "trainer"))
    assert False

async def test_after():
    assert nodes[0].transport.endpoint.draining.stopping
"""
    )
    _run(pytester, *AUTO).assert_outcomes(passed=2, failed=1)


def test_calls_that_are_left_fail_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        TESTS
        + """
async def test_leaves(federation):
    (fake,) = await federation.fakes(FakeLearner)
    fake.on.fit.blocks()
    trainer = await federation.node("trainer", "trainer")
    call = asyncio.ensure_future(trainer.get_proxy("learner_0", LearnerProxy).fit({}, FitConfig(epochs=1)))
    call.add_done_callback(lambda call: call.cancelled() or call.exception())
    await fake.on.fit.until_called()
"""
    )
    result = _run(pytester, *AUTO)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*LearnerFitCall(*) on 'learner_0', from 'trainer'*"])


def test_strict_mode(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS.replace("async def test_a_call", "@pytest.mark.asyncio\nasync def test_a_call"))
    _run(pytester).assert_outcomes(passed=1)


def test_without_pytest_asyncio(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(BLOCKING + "\n\ndef test_asks(federation):\n    pass\n")
    result = _run(pytester, "-p", "no:asyncio")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the fixture `federation` needs pytest-asyncio*pip install 'oiafed-rpc?test?'*"])


def test_fixtures_and_option_are_documented(pytester: pytest.Pytester) -> None:
    listed = _run(pytester, "--fixtures")
    listed.stdout.fnmatch_lines_random(["blocking_federation*", "federation*", "oiafed_transport*"])
    _run(pytester, "--help").stdout.fnmatch_lines(["*--oiafed-transport=*"])
    _run(pytester, "--markers").stdout.fnmatch_lines(["@pytest.mark.oiafed_transport(*"])
