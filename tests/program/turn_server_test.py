#!/usr/bin/env python3
"""turn_server_test.py TURN_SERVER: the program as people use it, on loopback."""

import base64
import hashlib
import hmac
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import programs
from programs import PATIENCE, Program, run
from turn_client import BINDING, XOR_MAPPED_ADDRESS, attributes_of, message, tcp_client, udp_client, xored_endpoint

ON_LOOPBACK = ("--listen", "127.0.0.1:0")


def has_an_address():
    """Whether this host has an IPv4 address that is not loopback. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return False
        return not probe.getsockname()[0].startswith("127.")


class Serving(unittest.TestCase):
    def serve(self, *arguments):
        server = Program(self, *arguments)
        ready = server.wait_for("ready")
        self.assertEqual(server.seen, [ready], "ready is the first line")
        return server, ready

    def test_says_where_it_listens_and_ends_in_order(self):
        for by in (signal.SIGINT, signal.SIGTERM):
            server, ready = self.serve(*ON_LOOPBACK)
            self.assertEqual(set(ready), {"event", "ice", "ice_all", "tls_all", "rfc5780"})
            self.assertRegex(ready["ice"], r"^127\.0\.0\.1:[1-9]\d*$")
            self.assertEqual((ready["ice_all"], ready["tls_all"]), ([ready["ice"]], []))
            self.assertFalse(ready["rfc5780"])
            self.assertEqual(server.stop(by), (0, ""))

    def test_is_a_stun_server(self):
        _, ready = self.serve(*ON_LOOPBACK, "--listen", "127.0.0.2:0")
        self.assertTrue(ready["rfc5780"])
        for client in (udp_client(self, ready["ice"]), tcp_client(self, ready["ice"])):
            answer = attributes_of(client.ask(message(BINDING, [])))
            self.assertEqual(xored_endpoint(answer[XOR_MAPPED_ADDRESS]), client.connection.getsockname())

    def test_relays_for_its_users_and_tells_of_it(self):
        server, ready = self.serve(*ON_LOOPBACK, "--user", "ann:se:cret", "--realm", "example.org",
                                   "--relay-ports", "50000-59999")
        client = tcp_client(self, ready["ice"])
        relayed = client.allocate("ann", "se:cret")
        self.assertTrue(50000 <= relayed[1] <= 59999, relayed)
        opened = server.wait_for("allocation-opened", user="ann", transport="tcp")
        self.assertEqual(opened["relayed"], [f"127.0.0.1:{relayed[1]}"])
        self.assertEqual(udp_client(self, ready["ice"]).allocate("ann", "wrong"), 401)
        client.connection.close()
        server.wait_for("allocation-closed", user="ann", cause="connection-closed")
        udp_client(self, ready["ice"]).allocate("ann", "se:cret")
        self.assertEqual(server.stop(), (0, ""))
        self.assertEqual(server.wait_for("allocation-closed", cause="server-closed")["to_peers_bytes"], 0)

    def test_takes_credentials_of_its_secret(self):
        server, ready = self.serve(*ON_LOOPBACK, "--secret", "of the web server")

        def allocate(until, secret):
            name = f"{int(until)}:ben"
            password = base64.b64encode(hmac.new(secret, name.encode(), hashlib.sha1).digest()).decode()
            return udp_client(self, ready["ice"]).allocate(name, password)
        self.assertIsInstance(allocate(time.time() + 600, b"of the web server"), tuple)
        server.wait_for("allocation-opened", user="ben")
        self.assertEqual(allocate(time.time() - 600, b"of the web server"), 401)
        self.assertEqual(allocate(time.time() + 600, b"of somebody else"), 401)

    def test_a_quota_is_kept(self):
        _, ready = self.serve(*ON_LOOPBACK, "--user", "ann:secret", "--quota", "2")
        answers = [udp_client(self, ready["ice"]).allocate("ann", "secret") for _ in range(3)]
        self.assertEqual([isinstance(one, tuple) for one in answers], [True, True, False])
        self.assertEqual(answers[2], 486)

    def test_shows_an_external_address(self):
        _, ready = self.serve("--listen", "0.0.0.0:0", "--user", "ann:secret", "--external-ip", "192.0.2.7")
        address, _ = udp_client(self, "127.0.0.1:" + ready["ice"].rpartition(":")[2]).allocate("ann", "secret")
        self.assertEqual(address, "192.0.2.7" if has_an_address() else "127.0.0.1")

    def test_serves_metrics(self):
        _, ready = self.serve(*ON_LOOPBACK, "--user", "ann:secret", "--metrics", "127.0.0.1:0")
        udp_client(self, ready["ice"]).allocate("ann", "secret")
        with urllib.request.urlopen(f"http://{ready['metrics']}/metrics", timeout=PATIENCE) as answer:
            text = answer.read().decode()
        self.assertIn("\nicebreaker_turn_allocations 1\n", text)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://{ready['metrics']}/", timeout=PATIENCE)
        with refused.exception as error:
            self.assertEqual(error.code, 404)

    def test_speaks_to_people_too(self):
        process = subprocess.Popen([programs.program, *ON_LOOPBACK, "--lang", "ko"], stdout=subprocess.PIPE, text=True)
        with process:
            self.assertRegex(process.stdout.readline(), r"^STUN과 TURN 127\.0\.0\.1:\d+\n$")
            self.assertIn("--secret", process.stdout.readline())
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(timeout=PATIENCE), 0)


class Secured(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.certificate, self.key = (os.path.join(folder.name, name) for name in ("cert.pem", "key.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "1", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-out", self.certificate, "-keyout", self.key], check=True, capture_output=True)

    def test_relays_over_tls(self):
        server = Program(self, "--tls-listen", "127.0.0.1:0", "--cert", self.certificate, "--key", self.key,
                         "--user", "ann:secret")
        ready = server.wait_for("ready")
        self.assertEqual((ready["ice_all"], ready["tls_all"]), ([], [ready["ice"]]))
        context = ssl.create_default_context(cafile=self.certificate)
        context.set_alpn_protocols(["stun.turn"])
        client = tcp_client(self, ready["ice"], context)
        self.assertEqual(client.connection.selected_alpn_protocol(), "stun.turn")
        self.assertIsInstance(client.allocate("ann", "secret"), tuple)
        server.wait_for("allocation-opened", user="ann", transport="tls")

    def test_files_that_are_no_certificate_are_one_line_and_status_1(self):
        for files in ((self.key, self.key), (self.certificate, self.certificate), ("/nowhere", self.key)):
            status, out, errors = run("--tls-listen", "127.0.0.1:0", "--cert", files[0], "--key", files[1], "--json")
            self.assertEqual((status, out, errors.count("\n")), (1, "", 1), errors)
            self.assertIn(files[0], errors)


class Usage(unittest.TestCase):
    def test_an_address_in_use_is_one_line_and_status_1(self):
        server = Program(self, *ON_LOOPBACK)
        taken = server.wait_for("ready")["ice"]
        for arguments in (("--listen", taken), (*ON_LOOPBACK, "--metrics", taken)):
            status, out, errors = run(*arguments, "--json")
            self.assertEqual((status, out, errors.count("\n")), (1, "", 1), errors)
            self.assertIn(taken, errors)

    def test_wrong_usage_is_one_line_and_status_2(self):
        for arguments in (("what",), ("--what",), ("--listen",), ("--listen", "nowhere"), ("--listen", "127.0.0.1"),
                          ("--tls-listen", "127.0.0.1:0"), ("--tls-listen", "127.0.0.1:0", "--cert", "x"),
                          ("--cert", "x", "--key", "y"), ("--external-ip", "somewhere"), ("--user", "ann"),
                          ("--user", ":secret"), ("--user", "ann:"), ("--realm", ""), ("--realm", "r" * 128),
                          ("--relay-ports", "5"), ("--relay-ports", "9-8"), ("--relay-ports", "0-9"),
                          ("--relay-ports", "1-65536"), ("--relay-ports", "a-b"), ("--allow-peer", "10.0.0.0/33"),
                          ("--allow-peer", "everybody"), ("--quota", "0"), ("--quota", "-1"), ("--quota", "many"),
                          ("--metrics", "9090"), ("--alternate-port", "65536")):
            with self.subTest(arguments):
                status, out, errors = run(*arguments)
                self.assertEqual((status, out, errors.count("\n")), (2, "", 1), errors)

    def test_help_tells_every_option(self):
        status, out, errors = run("--help")
        self.assertEqual((status, errors), (0, ""))
        for option in ("--listen", "--alternate-port", "--tls-listen", "--cert", "--key", "--external-ip", "--realm",
                       "--user", "--secret", "--relay-ports", "--allow-peer", "--quota", "--metrics", "--json", "--lang"):
            self.assertIn(option, out)


if __name__ == "__main__":
    programs.main()
