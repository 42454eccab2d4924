"""What goes wrong on purpose with the calls of a node: for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, TypeAlias, cast, get_args

from typing_extensions import override

from oiafed_rpc.config import rules
from oiafed_rpc.config.problems import InvalidError, Path
from oiafed_rpc.config.rule import VARIABLE, Rule, Schema, given, like, shown, single, text
from oiafed_rpc.config.rules import LONGEST, each, plain_number
from oiafed_rpc.config.section import Section

Kind: TypeAlias = Literal["drop", "delay", "duplicate", "reorder", "cut", "throttle"]
Way: TypeAlias = Literal["request", "reply"]
Span: TypeAlias = tuple[float, float]

_TAKES: dict[str, tuple[str, ...]] = {
    "drop": (),
    "delay": ("seconds",),
    "duplicate": ("seconds",),
    "reorder": ("seconds",),
    "cut": ("seconds",),
    "throttle": ("rate",),
}
_NEEDS = {"delay": "seconds", "throttle": "rate"}
_SECONDS: Schema = {"anyOf": [{"type": "number", "minimum": 0, "maximum": LONGEST}, VARIABLE]}
_TWO: Schema = {"type": "array", "items": _SECONDS, "minItems": 2, "maxItems": 2}


def _span(value: object) -> Span:
    if not isinstance(value, Sequence) or isinstance(value, str):
        seconds = rules.pause(value)
        return seconds, seconds
    written = cast("Sequence[object]", value)
    both = each(rules.pause)(written)
    if len(both) != 2:
        raise InvalidError(f"must be a number of seconds, or two as [least, most], not {shown(written)}")
    least, most = both
    if least > most:
        raise InvalidError(f"must be [least, most], not {shown(written)}: the first exceeds the second")
    return least, most


_seconds = Rule(_span, {"anyOf": [*_SECONDS["anyOf"], _TWO]})


@single({"type": "number", "minimum": 0, "maximum": 1})
def _chance(value: object) -> float:
    number = plain_number(value)
    if number is None or not 0 <= number <= 1:
        raise InvalidError(f"must be a number from 0 (never) to 1 (always), not {shown(value)}")
    return float(number)


@single({"type": "integer", "minimum": 0})
def _count(value: object) -> int:
    number = plain_number(value)
    if not isinstance(number, int) or number < 0:
        raise InvalidError(f"must be a whole number, 0 or more, not {shown(value)}")
    return number


@single({"type": "integer"})
def _seed(value: object) -> int:
    number = plain_number(value)
    if not isinstance(number, int):
        raise InvalidError(f"must be a whole number, not {shown(value)}")
    return number


_pattern = single(like(".+"))(text)


class Fault(Section, frozen=True, kw_only=True):
    """One thing that goes wrong, with which messages, and how often.

    Attributes:
        kind: `drop`: the message is lost, and nobody is told. `delay`: it takes `seconds` longer. `duplicate`: a
            request arrives twice, the second time `seconds` later. `reorder`: it is held back until the next has gone
            by, or for `seconds`, one by default. `cut`: the link breaks in the middle of it, and stays down for
            `seconds`, one by default. `throttle`: no more than `rate` bytes pass in a second.
        of: Whether `request` or `reply` messages are meant.
        chance: How likely it is for each such message, 0 to 1.
        seconds: A number, or `[least, most]`, of which each message draws its own.
        rate: Bytes a second, all calls to one node together: a number, or one with a unit, such as `1MB`.
        targets: The ids of the nodes whose calls are meant; `*` and `?` stand for any.
        methods: The methods meant, by the name in the schema or as `package.Service/Method`; `*` and `?` stand for any.
            Those by which nodes know each other are meant where a pattern begins with `oiafed.`.
        skip: How many such messages to each node are let go by first.
        times: How often at most it happens on the way to each node; without end where it is left out.
    """

    example: ClassVar[str] = "{kind: drop, chance: 0.1}"
    together: ClassVar[Schema] = {
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": {
                    **({"allOf": [given(_NEEDS[kind])]} if kind in _NEEDS else {}),
                    "properties": {key: {"type": "null"} for key in ("seconds", "rate") if key not in takes}
                    | ({"of": {"enum": ["request", None]}} if kind == "duplicate" else {}),
                },
            }
            for kind, takes in _TAKES.items()
        ]
    }

    kind: Annotated[Kind, rules.choice(*get_args(Kind), custom=False)]
    of: Annotated[Way, rules.choice(*get_args(Way), custom=False)] = "request"
    chance: Annotated[float, _chance] = 1.0
    seconds: Annotated[float | Span | None, _seconds] = None
    rate: Annotated[int | None, rules.size] = None
    targets: Annotated[tuple[str, ...], each(_pattern)] = ("*",)
    methods: Annotated[tuple[str, ...], each(_pattern)] = ("*",)
    skip: Annotated[int, _count] = 0
    times: Annotated[int | None, _count] = None

    @property
    def span(self) -> Span | None:
        """`seconds`, as the least and the most."""
        return cast("Span | None", self.seconds)

    @override
    def conflicts(self) -> dict[Path, str]:
        """What a kind needs is there, and what it has no use for is not; a reply comes once."""
        for key in ("seconds", "rate"):
            there = getattr(self, key) is not None
            if there and key not in _TAKES[self.kind]:
                return {(key,): f"is of no use to `{self.kind}`: leave it out"}
            if not there and _NEEDS.get(self.kind) == key:
                return {(key,): f"is missing: `{self.kind}` needs it"}
        if self.kind == "duplicate" and self.of == "reply":
            return {("of",): "a reply cannot be duplicated: its caller takes one"}
        return {}


class FaultPlan(Section, frozen=True, kw_only=True):
    """What goes wrong. The same seed and the same calls have the same happen.

    Attributes:
        seed: What all chances are drawn from, together with the ids of both nodes, the method, and how manyth call of
            it this is.
        rules: What may happen to a message: one after another, as listed.
    """

    example: ClassVar[str] = "{seed: 7, rules: [{kind: drop, chance: 0.1}]}"

    seed: Annotated[int, _seed] = 0
    rules: tuple[Fault, ...] = ()
