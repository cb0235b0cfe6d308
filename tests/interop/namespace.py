"""A network of its own: what runs here reaches nothing outside, and nothing outside reaches it.

enter() starts the script again in a new network namespace (and a user namespace, where it is not root). Its loopback
interface has the addresses below beside its own, so that hosts which refuse loopback see ordinary ones. It ends with
its last process."""

import os
import shutil
import subprocess
import sys

SERVER, ALICE, BOB = "203.0.113.1", "203.0.113.2", "203.0.113.3"
SERVER6, ALICE6, BOB6 = "2001:db8::1", "2001:db8::2", "2001:db8::3"

_MARK = "ICEBREAKER_IN_NAMESPACE"
REQUIRED = "ICEBREAKER_REQUIRE_INTEROP"
SKIPPED = 77  # what ctest takes for a skip


def skip(why):
    """Ends the script: skipped, or failed where nothing may be skipped."""
    print(f"skipped: {why}" + (f"; {REQUIRED} is set, so this is a failure" if os.environ.get(REQUIRED) else ""))
    sys.exit(1 if os.environ.get(REQUIRED) else SKIPPED)


def need(*programs):
    """Skips where a program is not installed."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        skip(f"not installed: {', '.join(missing)}")


def enter():
    """Returns in the namespace alone."""
    if not os.environ.get(_MARK):
        need("unshare", "ip")
        flags = ["--net"] if os.geteuid() == 0 else ["--net", "--user", "--map-root-user"]
        if subprocess.run(["unshare", *flags, "true"], capture_output=True).returncode != 0:
            skip("no network namespace may be made here")
        os.environ[_MARK] = "1"
        os.execvp("unshare", ["unshare", *flags, "--kill-child", "--fork", sys.executable, "-B", *sys.argv])
    ip("link", "set", "lo", "up")
    for address in (SERVER, ALICE, BOB):
        ip("address", "add", f"{address}/32", "dev", "lo")
    for address in (SERVER6, ALICE6, BOB6):
        ip("address", "add", f"{address}/128", "dev", "lo", "nodad")


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)
