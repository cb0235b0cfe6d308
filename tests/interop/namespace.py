"""A network of its own for what meets other people's programs. Its loopback interface has the addresses below beside
its own, so that hosts which refuse loopback see ordinary ones."""

import os
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "support"))
import sandbox

SERVER, ALICE, BOB = "203.0.113.1", "203.0.113.2", "203.0.113.3"
SERVER6, ALICE6, BOB6 = "2001:db8::1", "2001:db8::2", "2001:db8::3"

_sandbox = sandbox.Sandbox("ICEBREAKER_REQUIRE_INTEROP")
skip, need = _sandbox.skip, _sandbox.need


def enter():
    """Returns in the namespace alone, where the script runs again."""
    _sandbox.enter()
    ip("link", "set", "lo", "up")
    for address in (SERVER, ALICE, BOB):
        ip("address", "add", f"{address}/32", "dev", "lo")
    for address in (SERVER6, ALICE6, BOB6):
        ip("address", "add", f"{address}/128", "dev", "lo", "nodad")


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)
