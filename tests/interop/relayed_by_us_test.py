#!/usr/bin/env python3
"""relayed_by_us_test.py TURN_SERVER PEERS: other people's clients and agents, relayed by our turn_server.

PEERS is the folder in which their programs were built. Runs in a network namespace of its own."""

import os
import subprocess
import sys
import unittest

import namespace
import servers

PATIENCE = 90
PYTHON = "/usr/bin/python3"  # Debian's, for which its packages are
HERE = os.path.dirname(os.path.abspath(__file__))
TURN_SERVER = PEERS = ""


class RelayedByUs(unittest.TestCase):
    def setUp(self):
        self.server = servers.TurnServer(self, TURN_SERVER, address=namespace.SERVER)

    def said(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    def arguments(self, transport):
        return self.server.address, str(self.server.port), servers.USER, servers.PASSWORD, transport

    def test_two_agents_of_aioice_connect_through_us(self):
        for transport in "udp", "tcp":
            with self.subTest(transport):
                said = self.said(PYTHON, f"{HERE}/peers/aioice_pair.py", *self.arguments(transport))
                self.assertEqual(said, "relayed\n")

    def test_two_agents_of_libnice_connect_through_us(self):
        for transport in "udp", "tcp":
            with self.subTest(transport):
                said = self.said(f"{PEERS}/libnice_pair", *self.arguments(transport), namespace.ALICE, namespace.BOB)
                self.assertEqual(said, "relayed\n")

    def test_two_clients_of_pion_send_to_each_other_through_us(self):
        address, port, *rest = self.arguments("")[:-1]
        for transport in "udp", "tcp":
            with self.subTest(transport):
                self.assertEqual(self.said(f"{PEERS}/pion_pair", f"{address}:{port}", *rest, transport), "relayed\n")

    def test_the_client_of_coturn_sends_through_us_over_each_transport(self):
        # By Send indications (-s): its channels may have numbers from 0x5000 on, which RFC 8656 §12 took back.
        flags = {"udp": [], "tcp": ["-t"], "dtls": ["-S"], "tls": ["-t", "-S"], "IPv6": ["-x"],
                 "TCP to peers": ["-T"], "TCP to peers by TLS": ["-T", "-S"]}
        key, chain = servers.certificate(self)
        server = servers.TurnServer(self, TURN_SERVER, "--tls-listen", f"{namespace.SERVER}:0", "--key", key,
                                    "--cert", chain, "--listen", f"[{namespace.SERVER6}]:0", address=namespace.SERVER)
        clients = {}
        for name, more in flags.items():
            port = server.tls_port if "-S" in more else server.port
            command = ["turnutils_uclient", "-y", "-c", "-s", *more, "-u", servers.USER, "-w", servers.PASSWORD,
                       "-p", str(port), server.address]
            clients[name] = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for name, client in clients.items():
            with self.subTest(name):
                said, _ = client.communicate(timeout=PATIENCE)
                self.assertIn("Total lost packets 0 ", said)


def main():
    global TURN_SERVER, PEERS
    TURN_SERVER, PEERS = map(os.path.abspath, sys.argv[1:3])
    for peer in "libnice_pair", "pion_pair":
        if not os.access(f"{PEERS}/{peer}", os.X_OK):
            namespace.skip(f"{peer} was not built: its library is not installed")
    if subprocess.run([PYTHON, "-c", "import aioice"], capture_output=True).returncode != 0:
        namespace.skip("aioice is not installed")
    namespace.need("turnutils_uclient", "openssl")
    namespace.enter()
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])


if __name__ == "__main__":
    main()
