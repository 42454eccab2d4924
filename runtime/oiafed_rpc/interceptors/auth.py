"""Calls prove with a shared token that they come from this federation."""

from __future__ import annotations

import hmac
from typing import cast

from oiafed_rpc.errors import AuthError
from oiafed_rpc.interceptors.base import CallNext, Context, Interceptor, Side
from oiafed_rpc.message import Message

_KEY = "auth_token"


class AuthInterceptor(Interceptor):
    """Sends a token with each request, and refuses requests without it before their body is decoded.

    Without TLS the token crosses the network in the clear.

    Args:
        token: The secret that the nodes of a federation share: printable ASCII, without spaces around it.

    Raises:
        TypeError: for a token that is no text.
        ValueError: for one that is empty or can't travel.
    """

    def __init__(self, token: str) -> None:
        if not isinstance(cast("object", token), str):
            raise TypeError("the token must be text: put it in quotes")
        if not token or not token.isascii() or not token.isprintable() or token != token.strip():
            raise ValueError("the token must be printable ASCII, not empty, and without spaces around it")
        self._token = token
        self._secret = token.encode()

    async def intercept(self, message: Message, context: Context, call_next: CallNext) -> Message:
        """Add the token at the caller; check and remove it at the handler. Replies need none."""
        if context.side is Side.CALLER:
            message.metadata[_KEY] = self._token
            return await call_next(message, context)
        claimed = message.metadata.get(_KEY, "")
        if not hmac.compare_digest(claimed.encode(), self._secret):
            problem = "its token is wrong" if claimed else "it has no token"
            raise AuthError(f"node {context.node_id!r} refused a call to {message.method}: {problem}")
        del message.metadata[_KEY]
        return await call_next(message, context)
