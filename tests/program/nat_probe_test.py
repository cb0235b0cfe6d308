#!/usr/bin/env python3
"""nat_probe_test.py NAT_PROBE TURN_SERVER: the program as people use it, on loopback. What it says of real NATs is
tested in tests/lab, and what it says of every kind of NAT in the simulator."""

import json
import re
import signal
import socket
import subprocess
import sys
import unittest

import programs
from programs import PATIENCE, Program, run

turn_server = ""


class Server(Program):
    """Our server, with two addresses or with one."""

    def __init__(self, test, *addresses):
        probe, programs.program = programs.program, turn_server
        super().__init__(test, *(word for address in addresses for word in ("--listen", f"{address}:0")))
        programs.program = probe
        self.uri = "stun:" + self.wait_for("ready")["ice"]


def events_of(out):
    return [json.loads(line) for line in out.splitlines()]


def silent_port(test, listening=False):
    """A UDP port of 127.0.0.1 on which nobody ever answers; with what listens on the TCP port of the same number, where
    that is wanted."""
    while True:
        mute = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        test.addCleanup(mute.close)
        mute.bind(("127.0.0.1", 0))
        if not listening:
            return mute.getsockname()[1]
        try:
            listener = socket.create_server(mute.getsockname())
        except OSError:  # somebody else has that one
            continue
        test.addCleanup(listener.close)
        return mute.getsockname()[1], listener


class Probing(unittest.TestCase):
    def test_knows_the_open_network_of_this_host(self):
        server = Server(self, "127.0.0.1", "127.0.0.2")
        status, out, errors = run(server.uri, "--json")
        self.assertEqual((status, errors), (0, ""))
        answer, result = events_of(out)
        self.assertEqual((answer["event"], answer["uri"], answer["answered"]), ("answer", server.uri, True))
        self.assertEqual("stun:" + answer["server"], server.uri)
        self.assertRegex(answer["other_address"], r"^127\.0\.0\.2:\d+$")
        self.assertEqual(result["event"], "result")
        self.assertEqual((result["family"], result["mapping"], result["filtering"], result["classic"]),
                         ("IPv4", "endpoint-independent", "endpoint-independent", "open internet"))
        self.assertEqual(result["mapped"], result["local"])
        self.assertEqual(result["confidence"], "high")
        self.assertLessEqual({"hairpin", "lifetime_s", "port_allocation", "advice"}, set(result))

    def test_shows_people_what_was_asked_and_what_it_means(self):
        server = Server(self, "127.0.0.1", "127.0.0.2")
        for arguments, words in (((), ("What was asked", "open internet", "Advice", "answer from another address")),
                                 (("--lang", "ko"), ("물은 것과 돌아온 것", "open internet", "조언"))):
            status, out, errors = run(server.uri, *arguments)
            self.assertEqual((status, errors), (0, ""))
            for word in words:
                self.assertIn(word, out)
            self.assertNotIn("\033", out, "no colours and no progress but on a terminal")

    def test_says_what_an_ordinary_server_cannot_tell(self):
        server = Server(self, "127.0.0.1")
        status, out, _ = run(server.uri, "--json")
        result = events_of(out)[-1]
        self.assertEqual((status, result["filtering"], result["filtering_doubt"], result["classic"]),
                         (0, "unknown", "no-other-address", "unknown"))
        self.assertIn("RFC 5780", result["advice"])

    def test_asks_both_families_and_only_the_one_that_is_wanted(self):
        four = Server(self, "127.0.0.1")
        try:
            six = Server(self, "[::1]")
        except AssertionError:
            self.skipTest("this host has no IPv6")
        for arguments, families in (((), {"IPv4", "IPv6"}), (("-4",), {"IPv4"}), (("-6",), {"IPv6"}),
                                    (("--bind", "::1"), {"IPv6"})):
            status, out, _ = run(four.uri, six.uri, "--json", *arguments)
            self.assertEqual(status, 0)
            self.assertEqual({one["family"] for one in events_of(out) if one["event"] == "result"}, families)

    def test_fails_where_nobody_answers(self):
        status, out, errors = run(f"stun:127.0.0.1:{silent_port(self)}", "--timeout", "1", "--json")
        result = events_of(out)[-1]
        self.assertEqual((status, errors), (1, ""))
        self.assertEqual((result["event"], result["mapped"], result["classic"]), ("result", None, "unknown"))

    def test_calls_udp_blocked_what_answers_over_tcp_alone(self):
        port, listener = silent_port(self, listening=True)
        with subprocess.Popen([programs.program, f"stun:127.0.0.1:{port}", "--json"], stdout=subprocess.PIPE,
                              text=True) as probe:
            listener.settimeout(PATIENCE)
            connection, _ = listener.accept()
            with connection:
                request = connection.recv(1500)
                mapped = bytes((0, 0x20, 0, 8, 0, 1, 0x21, 0x12 ^ 1, 0x21 ^ 127, 0x12, 0xa4, 0x42 ^ 1))
                connection.sendall(bytes((1, 1, 0, len(mapped))) + request[4:20] + mapped)
                out, _ = probe.communicate(timeout=PATIENCE)
        self.assertEqual(probe.returncode, 0)
        self.assertEqual(events_of(out)[-1]["classic"], "udp blocked")
        self.assertIn("TCP", events_of(out)[-1]["advice"])

    def test_ends_in_order_when_it_is_told_to(self):
        for by in (signal.SIGINT, signal.SIGTERM):
            # The one has answered, so the program is at work; the other never will.
            server = Server(self, "127.0.0.1", "127.0.0.2")
            probe = Program(self, server.uri, f"stun:127.0.0.1:{silent_port(self)}", "--timeout", "60")
            probe.wait_for("answer", uri=server.uri)
            self.assertEqual(probe.stop(by), (0, ""))


class Usage(unittest.TestCase):
    def test_wrong_usage_is_one_line_and_status_2(self):
        for arguments in ((), ("127.0.0.1",), ("stun:",), ("turn:127.0.0.1",), ("stuns:127.0.0.1",),
                          ("stun:127.0.0.1", "--what"), ("stun:127.0.0.1", "-4", "-6"),
                          ("stun:127.0.0.1", "--bind", "here"), ("stun:127.0.0.1", "--bind", "::1", "-4"),
                          ("stun:127.0.0.1", "--timeout", "0"), ("stun:127.0.0.1", "--timeout", "x")):
            with self.subTest(arguments):
                status, out, errors = run(*arguments)
                self.assertEqual((status, out, errors.count("\n")), (2, "", 1), errors)

    def test_a_name_that_there_is_not_is_one_line_and_status_1(self):
        status, out, errors = run("stun:no-such-host.invalid", "--json")
        self.assertEqual((status, out, errors.count("\n")), (1, "", 1), errors)
        self.assertIn("no-such-host.invalid", errors)

    def test_an_address_that_is_not_of_this_host_is_told(self):
        status, out, _ = run("stun:127.0.0.1:9", "--bind", "192.0.2.1", "--json")
        self.assertEqual((status, events_of(out)[-1]["classic"]), (1, "unknown"))

    def test_help_tells_every_option(self):
        status, out, errors = run("--help")
        self.assertEqual((status, errors), (0, ""))
        for option in ("URI", "--full", "--bind", "-4", "-6", "--timeout", "--json", "--lang"):
            self.assertRegex(out, rf"(?m)\s{re.escape(option)}\b")


if __name__ == "__main__":
    turn_server = sys.argv.pop(2)
    programs.main()
