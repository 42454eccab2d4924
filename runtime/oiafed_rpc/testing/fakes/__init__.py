"""Fakes: handlers whose answers a test scripts, and that record the calls that they get."""

from oiafed_rpc.testing.fakes.call import Received, RecordedCall
from oiafed_rpc.testing.fakes.fake import Fake, Scripts
from oiafed_rpc.testing.fakes.gate import Gate
from oiafed_rpc.testing.fakes.script import Script, StreamScript, UnaryScript

__all__ = ["Fake", "Gate", "Received", "RecordedCall", "Script", "Scripts", "StreamScript", "UnaryScript"]
