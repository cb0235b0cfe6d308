"""The relay servers that peers are tried against: Debian's coturn, and our own turn_server."""

import json
import os
import socket
import subprocess
import tempfile
import time

USER, PASSWORD, REALM = "alice", "wonderland", "example.org"
NAME = "turn.example.org"
PATIENCE = 30  # seconds for what takes milliseconds


class Coturn:
    """A turnserver with its own configuration, database, log and pid file; further lines are of turnserver.conf."""

    def __init__(self, test, *addresses, lines=(), user=f"{USER}:{PASSWORD}", port=3478, rfc5780=False):
        self.addresses, self.port = addresses, port
        self.folder = tempfile.TemporaryDirectory()
        test.addCleanup(self.folder.cleanup)
        self.configuration = os.path.join(self.folder.name, "turnserver.conf")
        with open(self.configuration, "w", encoding="utf-8") as file:
            file.write("\n".join([*(f"listening-ip={one}" for one in addresses), f"listening-port={port}",
                                  f"relay-ip={addresses[0]}", "lt-cred-mech", f"user={user}", f"realm={REALM}",
                                  f"userdb={self.folder.name}/db", f"pidfile={self.folder.name}/pid", "no-cli",
                                  "fingerprint", "simple-log", f"log-file={self.folder.name}/log",
                                  *([] if rfc5780 else ["no-rfc5780"]),
                                  *lines, ""]))
        self.process = None
        test.addCleanup(self.kill)
        self.start()

    def start(self):
        self.process = subprocess.Popen(["turnserver", "-c", self.configuration], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd=self.folder.name)
        for address in self.addresses:
            wait_for_port(self.process, address, self.port)

    def log(self):
        """What it has written so far."""
        said = ""
        for name in os.listdir(self.folder.name):
            if name.startswith("log"):
                with open(os.path.join(self.folder.name, name), encoding="utf-8") as file:
                    said += file.read()
        return said

    def kill(self):
        self.process.kill()
        self.process.wait()


class TurnServer:
    """Our turn_server on a free port; further arguments are its own."""

    def __init__(self, test, program, *arguments, address, relay_to=()):
        self.process = subprocess.Popen(
            [program, "--listen", f"{address}:0", "--realm", REALM, "--user", f"{USER}:{PASSWORD}", "--json",
             *(word for network in relay_to for word in ("--allow-peer", network)), *arguments],
            stdout=subprocess.PIPE, text=True)
        test.addCleanup(self.end)
        ready = json.loads(self.process.stdout.readline())
        self.address, port = ready["ice"].rsplit(":", 1)
        self.port = int(port)
        self.tls_port = int(ready["tls_all"][0].rsplit(":", 1)[1]) if ready["tls_all"] else None

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=PATIENCE)
        self.process.stdout.close()


def certificate(test):
    """The files of a key and of a certificate for NAME that vouches for itself."""
    folder = tempfile.TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    key, chain = f"{folder.name}/key.pem", f"{folder.name}/cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", chain, "-days", "2", "-subj", f"/CN={NAME}", "-addext",
                    f"subjectAltName=DNS:{NAME}"], check=True, capture_output=True)
    return key, chain


def wait_for_port(process, address, port):
    """Returns when a STUN server answers on the port over TCP and UDP. One of others does not say that it is ready."""
    deadline = time.monotonic() + PATIENCE
    while not all(is_answered(address, port, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"nothing answers on {address} port {port}")
        time.sleep(0.02)


def is_answered(address, port, kind):
    binding_request = bytes.fromhex("000100002112a442") + os.urandom(12)
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as probe:
        probe.settimeout(1)
        try:
            probe.connect((address, port))
            probe.send(binding_request)
            return probe.recv(1) != b""
        except OSError:
            return False
