"""What the tests of programs share: running one, and waiting for what it says. Nothing here waits for a time, but for a
line that has to come."""

import json
import queue
import signal
import subprocess
import sys
import threading
import unittest

program = ""  # what is tested
PATIENCE = 60  # seconds for what takes milliseconds, and up to 36 where consent has to expire


class Program:
    """A running program whose lines of JSON are waited for; `command` is how it is run."""

    def __init__(self, test, *arguments, command=None):
        self.process = subprocess.Popen([*(command or [program]), *arguments, "--json"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        self.seen = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        test.addCleanup(self.end)

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def wait_for(self, event, /, **fields):
        """The first event of this kind with these fields, of those seen already or to come."""
        wanted = {"event": event, **fields}

        def fits(one):
            return all(one.get(key) == value for key, value in wanted.items())
        for one in self.seen:
            if fits(one):
                return one
        while True:
            try:
                one = self.lines.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"no {wanted} in {PATIENCE} s, after {self.seen}") from None
            if one is None:
                raise AssertionError(f"ended with {self.process.wait()} without {wanted}, after {self.seen}: "
                                     f"{self.process.stderr.read()}")
            self.seen.append(one)
            if fits(one):
                return one

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, by=signal.SIGTERM):
        """Asks it to end. Its status, and what it said on standard error."""
        self.process.send_signal(by)
        return self.process.wait(timeout=PATIENCE), self.process.stderr.read()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                pipe.close()
            except BrokenPipeError:
                pass


def run(*arguments):
    """Runs it to its end: status, standard output, standard error."""
    done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE)
    return done.returncode, done.stdout, done.stderr


def main():
    """PROGRAM [SUITE…] on the command line."""
    global program
    program = sys.argv.pop(1)
    unittest.main(module="__main__")
