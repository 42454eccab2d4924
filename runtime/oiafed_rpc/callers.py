"""Who may call what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.message import Message
from oiafed_rpc.method import Method


def check_caller(rules: Method[Any], message: Message) -> None:
    """A node with a certificate is who its certificate says, and of a role that it names, where it names any.

    Any other is who it claims to be.

    Raises:
        RpcError: PERMISSION_DENIED naming role and method.
    """
    if message.identity is not None:
        names, roles = message.identity
        if message.source not in names:
            proven = f"for {_either(names)}" if names else "for nobody: it has neither a common name nor a DNS name"
            raise RpcError(
                Code.PERMISSION_DENIED,
                f"role {message.role!r} may not call {message.method} as node {message.source!r}: "
                f"its certificate is {proven}",
            )
        if roles and message.role not in roles:
            raise RpcError(
                Code.PERMISSION_DENIED,
                f"node {message.source!r} may not call {message.method} as role {message.role!r}: "
                f"its certificate is for role {_either(roles)}",
            )
    if rules.callers and message.role not in rules.callers:
        allowed = " or ".join(rules.callers)
        caller = f"role {message.role!r}" if message.role else "a caller without a role"
        raise RpcError(Code.PERMISSION_DENIED, f"{caller} may not call {message.method}: only {allowed} may")


def _either(names: Sequence[str]) -> str:
    return " or ".join(map(repr, names))
