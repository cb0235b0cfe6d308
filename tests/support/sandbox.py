"""Namespaces of a script's own: what runs in them reaches nothing outside, nothing outside reaches it, and all of it
ends with the script."""

import os
import shutil
import subprocess
import sys

SKIPPED = 77  # what ctest takes for a skip

_MARK = "ICEBREAKER_IN_NAMESPACE"


class Sandbox:
    """What a script may need, and how it ends where that is not to be had."""

    def __init__(self, required):
        """`required` names the variable of the environment under which nothing may be skipped."""
        self.required = required

    def skip(self, why):
        """Ends the script: skipped, or failed where nothing may be skipped."""
        must = os.environ.get(self.required)
        print(f"skipped: {why}" + (f"; {self.required} is set, so this is a failure" if must else ""))
        sys.exit(1 if must else SKIPPED)

    def need(self, *programs):
        """Skips where a program is not installed."""
        missing = [program for program in programs if not shutil.which(program)]
        if missing:
            self.skip(f"not installed: {', '.join(missing)}")

    def enter(self, *flags):
        """Returns in a new network namespace alone, where the script runs again; `flags` are further ones of unshare.
        Whoever is not root gets a user namespace with it."""
        if os.environ.get(_MARK):
            return
        self.need("unshare", "ip")
        unshare = ["unshare", "--net", *flags, *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]),
                   "--kill-child", "--fork"]
        if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode != 0:
            self.skip("no namespaces may be made here")
        os.environ[_MARK] = "1"
        os.execvp("unshare", [*unshare, sys.executable, "-B", *sys.argv])
