"""What `with_options` takes."""

from __future__ import annotations

import pytest

from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.conformance.part import Part


class Options(Part):
    """What `with_options` takes."""

    @pytest.mark.parametrize(
        ("metadata", "problem"),
        [
            ({"Upper": "x"}, "metadata key 'Upper'"),
            ({"oiafed-source": "x"}, "metadata key 'oiafed-source'"),
            ({"grpc-timeout": "x"}, "metadata key 'grpc-timeout'"),
            ({"a": "ü"}, "value of metadata 'a'"),
            ({"a": "x\ny"}, "value of metadata 'a'"),
            ({"a": "x" * 5000}, "bytes of metadata"),
        ],
    )
    async def test_metadata_that_cannot_travel_is_refused(
        self, federation: Federation, metadata: dict[str, str], problem: str
    ) -> None:
        trainer, _ = await federation.pair()
        with pytest.raises(ValueError, match=problem):
            trainer.get_proxy("learner_0").with_options(metadata=metadata)

    @pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 10**400])
    async def test_a_timeout_must_be_positive(self, federation: Federation, timeout: float) -> None:
        trainer, _ = await federation.pair()
        with pytest.raises(ValueError, match="timeout must be a number of seconds above 0"):
            trainer.get_proxy("learner_0").with_options(timeout=timeout)
