#!/usr/bin/env python3
"""mesh_demo_test.py MESH_DEMO: the program as people use it: one that serves and some that join, on loopback."""

import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import tempfile
import time
import unittest

import programs
from programs import PATIENCE, Program, run
from turn_client import endpoint_of, tcp_client, udp_client


def login_of(secret):
    """--ice-user's value, --ice-password and its value: what whoever knows the secret may relay with."""
    user = f"{int(time.time()) + 600}:test"
    password = base64.b64encode(hmac.new(secret.encode(), user.encode(), hashlib.sha1).digest()).decode()
    return user, "--ice-password", password


class Local(unittest.TestCase):
    def test_four_peers_find_each_other(self):
        status, out, errors = run("local", "--json")
        self.assertEqual((status, errors), (0, ""))
        events = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(events[-1], {"event": "summary", "peers": 4, "pairs": 6, "connected": 6, "relayed": 0,
                                      "messages_sent": 12, "messages_delivered": 12})
        self.assertEqual(sum(one["event"] == "connected" for one in events), 12)
        for one in events:
            if one["event"] == "connected":
                self.assertEqual(set(one), {"event", "self", "peer", "attempt", "role", "local_type", "remote_type",
                                            "local", "remote", "protocol", "ms"})

    def test_sixteen_peers_are_120_pairs(self):
        status, out, _ = run("local", "--peers", "16", "--json")
        summary = json.loads(out.splitlines()[-1])
        self.assertEqual((status, summary["connected"], summary["pairs"]), (0, 120, 120))
        self.assertEqual(summary["messages_delivered"], 240)

    def test_peers_find_each_other_through_relays_alone(self):
        status, out, errors = run("local", "--policy", "relay", "--json")
        self.assertEqual((status, errors), (0, ""))
        events = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(events[-1], {"event": "summary", "peers": 4, "pairs": 6, "connected": 6, "relayed": 6,
                                      "messages_sent": 12, "messages_delivered": 12})
        self.assertEqual({(one["local_type"], one["remote_type"]) for one in events if one["event"] == "connected"},
                         {("relay", "relay")})

    def test_is_what_it_does_without_a_command_and_shows_a_table(self):
        status, out, errors = run("--peers", "3")
        self.assertEqual((status, errors), (0, ""))
        for words in ("p1", "p3", "host – host", "3 of 3 pairs connected", "6 of 6 messages delivered"):
            self.assertIn(words, out)
        self.assertNotIn("\x1b", out)

    def test_speaks_korean(self):
        status, out, _ = run("local", "--peers", "2", "--lang", "ko")
        self.assertEqual(status, 0)
        self.assertIn("1쌍 중 1쌍 연결됨", out)


class Serve(unittest.TestCase):
    def serve(self, *arguments):
        program = Program(self, "serve", "--listen", "127.0.0.1:0", "--ice-listen", "127.0.0.1:0", *arguments)
        ready = program.wait_for("ready")
        self.assertEqual(program.seen, [ready], "ready is the first line")
        return program, ready

    def test_says_where_it_listens_and_ends_in_order(self):
        server, ready = self.serve()
        self.assertEqual(set(ready), {"event", "signalling", "ice", "ice_all", "rfc5780"})
        self.assertRegex(ready["signalling"], r"^127\.0\.0\.1:[1-9]\d*$")
        self.assertEqual(ready["ice_all"], [ready["ice"]])
        self.assertFalse(ready["rfc5780"])
        self.assertEqual(server.stop(), (0, ""))

    def test_two_addresses_of_a_family_turn_nat_behaviour_discovery_on(self):
        _, ready = self.serve("--ice-listen", "127.0.0.2:0")
        self.assertTrue(ready["rfc5780"])
        self.assertEqual(len(ready["ice_all"]), 2)

    def welcome(self, ready, name):
        """What the server hands out to somebody who joins."""
        with socket.create_connection(endpoint_of(ready["signalling"]), PATIENCE) as connection:
            connection.sendall(json.dumps({"type": "join", "room": "room", "name": name}).encode() + b"\n")
            with connection.makefile() as lines:
                return json.loads(lines.readline())

    def test_hands_out_a_relay_with_credentials_of_its_secret(self):
        for arguments in ((), ("--secret", "shared with a web server", "--realm", "example.org")):
            _, ready = self.serve(*arguments)
            stun, turn = self.welcome(ready, "ann")["ice_servers"]
            self.assertEqual(stun["urls"], ["stun:" + ready["ice"]])
            self.assertEqual(turn["urls"], ["turn:" + ready["ice"], f"turn:{ready['ice']}?transport=tcp"])
            until, user = turn["username"].split(":")
            self.assertEqual(user, "ann@room")
            self.assertAlmostEqual(int(until), time.time() + turn["ttl"], delta=PATIENCE)
            for client in (udp_client(self, ready["ice"]), tcp_client(self, ready["ice"])):
                self.assertEqual(client.allocate(turn["username"], turn["credential"])[0], "127.0.0.1")
                self.assertEqual(client.permit("127.0.0.5"), None, "loopback is open to whoever comes over it alone")
            self.assertEqual(udp_client(self, ready["ice"]).allocate(turn["username"], "guessed"), 401)

    def test_opens_loopback_to_nobody_where_others_may_come(self):
        server = Program(self, "serve", "--listen", "127.0.0.1:0", "--ice-listen", "0.0.0.0:0")
        ready = server.wait_for("ready")
        _, turn = self.welcome(ready, "ann")["ice_servers"]
        client = udp_client(self, turn["urls"][0].removeprefix("turn:"))
        self.assertIsInstance(client.allocate(turn["username"], turn["credential"]), tuple)
        self.assertEqual(client.permit("127.0.0.5"), 403)

    def test_an_address_in_use_is_one_line_and_status_1(self):
        _, ready = self.serve()
        for option in ("--listen", "--ice-listen"):
            taken = ready["signalling" if option == "--listen" else "ice"]
            free = "--ice-listen" if option == "--listen" else "--listen"
            status, out, errors = run("serve", option, taken, free, "127.0.0.1:0", "--json")
            self.assertEqual((status, out, errors.count("\n")), (1, "", 1), errors)
            self.assertIn(taken, errors)


class Join(unittest.TestCase):
    def setUp(self):
        self.server = Program(self, "serve", "--listen", "127.0.0.1:0", "--ice-listen", "127.0.0.1:0", "--secret",
                              "the secret of the test")
        self.address = self.server.wait_for("ready")["signalling"]

    def join(self, name, *arguments):
        peer = Program(self, "join", self.address, "--room", "room", "--name", name, *arguments)
        peer.wait_for("joined", self=name)
        return peer

    def mesh(self, *names):
        peers = {name: self.join(name) for name in names}
        self.assert_connected(peers)
        return peers

    def assert_connected(self, peers):
        for name, peer in peers.items():
            for other in peers:
                if other != name:
                    peer.wait_for("connected", peer=other)

    def assert_talk(self, peers, text):
        for name, peer in peers.items():
            peer.say(f"{text} {name}")
        for name, peer in peers.items():
            for other in peers:
                if other != name:
                    peer.wait_for("message", **{"from": other, "text": f"{text} {other}"})

    def test_three_peers_talk_and_a_late_one_reaches_all(self):
        peers = self.mesh("a", "b", "c")
        self.assert_talk(peers, "hello from")
        peers["d"] = self.join("d")
        self.assert_connected(peers)
        self.assert_talk(peers, "안녕 from")

    def test_a_killed_peer_is_told_and_the_others_talk_on(self):
        peers = self.mesh("a", "b", "c")
        peers.pop("c").kill()
        for peer in peers.values():
            self.assertEqual(peer.wait_for("disconnected", peer="c")["cause"], "peer-vanished")
        self.assert_talk(peers, "still here")
        for peer in peers.values():
            self.assertEqual(peer.stop(), (0, ""))

    def test_a_killed_server_leaves_every_pair_talking_and_consent_tells_of_a_killed_peer(self):
        peers = self.mesh("a", "b", "c")
        self.server.kill()
        for peer in peers.values():
            peer.wait_for("signalling-lost")
        self.assert_talk(peers, "without signalling")
        peers.pop("c").kill()
        for peer in peers.values():
            self.assertEqual(peer.wait_for("disconnected", peer="c")["cause"], "consent-expired")
        self.assert_talk(peers, "and then")

    def test_a_goodbye_is_told_even_without_signalling(self):
        peers = self.mesh("a", "b")
        self.server.kill()
        peers["a"].wait_for("signalling-lost")
        self.assertEqual(peers.pop("b").stop(signal.SIGINT), (0, ""))
        peers["a"].wait_for("left", peer="b")
        self.assertFalse(any(one["event"] == "disconnected" for one in peers["a"].seen))

    def test_leaves_by_itself(self):
        peer = self.join("a", "--exit-after", "3")
        self.assertEqual(peer.process.wait(timeout=PATIENCE), 0)

    def test_signalling_that_never_lets_it_in_before_it_leaves_is_one_line_and_status_1(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"127.0.0.1:{silent.getsockname()[1]}"
            status, out, errors = run("join", address, "--room", "room", "--name", "a", "--exit-after", "0.2", "--json")
        self.assertEqual((status, out), (1, ""))
        self.assertEqual(errors, f"mesh_demo join: signalling at {address} was not reached in 0.2 s\n")

    def test_relays_alone_connect_with_what_the_server_hands_out_and_with_what_is_given(self):
        ice = self.server.seen[0]["ice"]
        handed_out = self.join("a", "--policy", "relay")
        given = self.join("b", "--policy", "relay", "--ice-server", f"turn:{ice}?transport=tcp", "--ice-user",
                          *login_of("the secret of the test"))
        for peer, other in ((handed_out, "b"), (given, "a")):
            connected = peer.wait_for("connected", peer=other)
            self.assertEqual((connected["local_type"], connected["remote_type"]), ("relay", "relay"))
        self.assert_talk({"a": handed_out, "b": given}, "through a relay from")

    def test_writes_a_report(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "report.json")
            other = self.join("a")
            peer = self.join("b", "--report", path)
            other.wait_for("connected", peer="b")
            peer.wait_for("connected", peer="a")
            self.assertEqual(peer.stop(), (0, ""))
            other.wait_for("left", peer="b")
            with open(path, encoding="utf-8") as file:
                report = json.load(file)
        self.assertEqual((report["self"], report["room"]), ("b", "room"))
        self.assertEqual([one["peer"] for one in report["peers"]], ["a"])
        attempt = report["peers"][0]["attempts"][0]
        self.assertEqual(attempt["attempt"], 1)
        self.assertTrue(any(pair.get("selected") for pair in attempt["report"]["pairs"]))

    def test_writes_the_datagrams_of_ice_and_no_password_for_wireshark(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "trace.pcapng")
            other = self.join("a")
            peer = self.join("b", "--trace", path)
            other.wait_for("connected", peer="b")
            peer.wait_for("connected", peer="a")
            self.assertEqual(peer.stop(), (0, ""))
            with open(path, "rb") as file:
                trace = file.read()
        self.assertEqual(trace[:4], b"\x0a\x0d\x0d\x0a", "a section header")
        self.assertIn(b"\x21\x12\xa4\x42", trace, "the magic cookie of STUN (RFC 8489 §5)")
        self.assertNotIn(b"ice-pwd", trace)

    def test_the_end_of_standard_input_is_no_reason_to_leave(self):
        peer = self.join("a")
        peer.process.stdin.close()
        other = self.join("b")
        other.wait_for("connected", peer="a")
        other.say("you hear me")
        peer.wait_for("message", text="you hear me")

    def test_the_last_line_of_standard_input_need_not_be_ended(self):
        peer = self.join("a")
        peer.process.stdin.write("first\nlast")
        peer.process.stdin.close()
        self.join("b").wait_for("message", **{"from": "a", "text": "last"})

    def test_a_line_waits_for_somebody_who_hears_it(self):
        peer = self.join("a")
        peer.say("anybody there?")
        self.join("b").wait_for("message", **{"from": "a", "text": "anybody there?"})

    def test_a_name_that_is_taken_is_one_line_and_status_1(self):
        self.join("a")
        status, out, errors = run("join", self.address, "--room", "room", "--name", "a", "--json")
        self.assertEqual((status, out, errors.count("\n")), (1, "", 1))
        self.assertIn("name-taken", errors)

    def test_a_server_is_named_by_a_host_name_or_its_address(self):
        port = self.server.seen[0]["ice"].rpartition(":")[2]
        first = self.join("a")
        self.join("b", "--ice-server", f"stun:localhost:{port}").wait_for("connected", peer="a")
        first.wait_for("connected", peer="b")
        self.assertEqual(self.join("c", "--ice-server", f"stun:127.0.0.1:{port}").stop(), (0, ""))


class Usage(unittest.TestCase):
    def assert_status(self, expected, *arguments):
        status, out, errors = run(*arguments)
        self.assertEqual((status, out, errors.count("\n")), (expected, "", 1), errors)
        return errors

    def test_an_unreachable_server_is_one_line_and_status_1(self):
        errors = self.assert_status(1, "join", "127.0.0.1:1", "--room", "r", "--name", "n")
        self.assertIn("127.0.0.1:1", errors)

    def test_wrong_usage_is_one_line_and_status_2(self):
        join = ("join", "127.0.0.1:9", "--room", "r", "--name", "n")
        for arguments in (("local", "--peers", "1"), ("local", "--peers", "many"), ("what",), ("local", "what"),
                          ("join",), ("join", "localhost", "--room", "r", "--name", "n"), join[:4], (*join, "--what"),
                          ("join", "127.0.0.1:9", "--room", "r", "--name", "a\nb"),
                          ("join", "127.0.0.1:9", "--room", "r", "--name", "n" * 65),
                          (*join, "--ice-server", "http://x"), (*join, *("--ice-server", "stun:1.2.3.4") * 17), (*join, "--attempt-timeout", "0"),
                          (*join, "--exit-after", "0"),
                          (*join, "--report", "/nowhere/at/all"),
                          (*join, "--trace", "/nowhere/at/all"), ("serve", "--listen", "nowhere"),
                          ("serve", "--external-ip", "somewhere"),
                          ("serve", "--realm", ""), ("serve", "--secret")):
            with self.subTest(arguments):
                self.assert_status(2, *arguments)

    def test_servers_that_make_no_sense_are_refused_with_the_reason(self):
        join = ("join", "127.0.0.1:9", "--room", "r", "--name", "n")
        login = ("--ice-user", "u", "--ice-password", "p")
        for arguments, reason in ((("--ice-server", "turn:127.0.0.1"), "--ice-user"),
                                  (("--ice-user", "u"), "--ice-password"), (("--ice-password", "p"), "--ice-user"),
                                  (("--ice-server", "stun:127.0.0.1", *login), "TURN"), (login, "TURN"),
                                  (("--ice-server", "stun:127.0.0.1", "--policy", "relay"), "TURN"),
                                  (("--ice-server", "stuns:stun.example.org"), "TLS"), (("--policy", "none"), "--policy")):
            with self.subTest(arguments):
                self.assertIn(reason, self.assert_status(2, *join, *arguments))

    def test_explain_wants_a_report_that_is_there(self):
        self.assert_status(2, "explain", "/nowhere/at/all.json")
        self.assert_status(2, "explain")

    def test_help_tells_every_command(self):
        for command in ((), ("local",), ("serve",), ("join",)):
            status, out, errors = run(*command, "--help")
            self.assertEqual((status, errors), (0, ""))
            self.assertIn("--json", out)


if __name__ == "__main__":
    programs.main()
