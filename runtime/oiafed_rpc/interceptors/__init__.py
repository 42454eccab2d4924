"""Code that every call of a node passes through."""

from oiafed_rpc.interceptors.auth import AuthInterceptor
from oiafed_rpc.interceptors.base import CallNext, Context, Interceptor, Next, Side, checked_reply, compose
from oiafed_rpc.interceptors.compression import CompressionInterceptor
from oiafed_rpc.interceptors.logs import LoggingInterceptor

__all__ = [
    "AuthInterceptor",
    "CallNext",
    "CompressionInterceptor",
    "Context",
    "Interceptor",
    "LoggingInterceptor",
    "Next",
    "Side",
    "checked_reply",
    "compose",
]
