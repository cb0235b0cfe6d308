#!/usr/bin/env python3
"""our_client_test.py TURN_CLIENT: our turn::Allocation against Debian's coturn.

TURN_CLIENT is peers/turn_client.cpp. Runs in a network namespace of its own."""

import base64
import hashlib
import hmac
import os
import re
import signal
import socket
import subprocess
import sys
import time
import unittest

import namespace
import servers

TURN_CLIENT = ""
WITH_TLS = "udp", "tcp", "tls", "dtls"
TLS_PORT = 5349


class Client:
    """An allocation of ours: what it says, line by line."""

    def __init__(self, test, server, transport="udp", *arguments, user=servers.USER, password=servers.PASSWORD):
        self.process = subprocess.Popen([TURN_CLIENT, server, transport, user, password, *arguments],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        test.addCleanup(self.end)

    def tell(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()

    def hear(self, pattern):
        """The next line, which must match."""
        line = self.process.stdout.readline().rstrip("\n")
        found = re.fullmatch(pattern, line)
        if not found:
            raise AssertionError(f"said {line!r} and not {pattern!r}")
        return found

    def allocated(self):
        """The relayed address."""
        return self.hear(r"allocated (\S+) .*")[1]

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=servers.PATIENCE)
        self.process.stdout.close()


class Peer:
    """A UDP socket that anybody may have."""

    def __init__(self, test, address=namespace.BOB):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        test.addCleanup(self.socket.close)
        self.socket.settimeout(servers.PATIENCE)
        self.socket.bind((address, 0))
        self.address, self.port = address, self.socket.getsockname()[1]
        self.endpoint = f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"

    def send(self, endpoint, text):
        address, port = endpoint.rsplit(":", 1)
        self.socket.sendto(text.encode(), (address.strip("[]"), int(port)))

    def hear(self):
        data, source = self.socket.recvfrom(2000)
        address, port = source[:2]
        return data.decode(), f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def at(address, port=3478):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def nobody_speaks(*_):
    raise AssertionError("nobody says anything any more")


class OurClient(unittest.TestCase):
    def setUp(self):
        signal.signal(signal.SIGALRM, nobody_speaks)
        signal.alarm(2 * servers.PATIENCE)
        self.addCleanup(signal.alarm, 0)

    def coturn(self, *lines, **options):
        return servers.Coturn(self, namespace.SERVER, namespace.SERVER6,
                              lines=[f"relay-ip={namespace.SERVER6}", "no-tlsv1", *lines], **options)

    def certificate(self):
        """Lines for coturn, and arguments for the client that believes it."""
        key, chain = servers.certificate(self)
        return ([f"cert={chain}", f"pkey={key}", f"tls-listening-port={TLS_PORT}"],
                ["--ca", chain, "--name", servers.NAME])

    def exchange(self, client, peer, relayed):
        """Data both ways, by indications and then on a channel."""
        client.tell("permit", peer.address)
        client.hear(f"granted {re.escape(peer.address)}")
        for text in "by-indication", "on-a-channel":
            client.tell("send", peer.endpoint, text)
            self.assertEqual(peer.hear(), (text, relayed))
            peer.send(relayed, text)
            client.hear(f"data {re.escape(peer.endpoint)} {text}")
            if text == "by-indication":
                client.tell("bind", peer.endpoint)
                client.hear(f"channel {re.escape(peer.endpoint)}")

    def test_relays_over_each_transport_and_family(self):
        lines, trust = self.certificate()
        self.coturn(*lines)
        for server, peer in (namespace.SERVER, namespace.BOB), (namespace.SERVER6, namespace.BOB6):
            for transport in WITH_TLS:
                with self.subTest(server=server, transport=transport):
                    secure = transport in ("tls", "dtls")
                    family = "ipv6" if ":" in peer else "ipv4"
                    client = Client(self, at(server, TLS_PORT if secure else 3478), transport, "--family", family,
                                    *(trust if secure else ()))
                    relayed = client.allocated()
                    self.exchange(client, Peer(self, peer), relayed)
                    client.tell("release")
                    client.hear("released")

    def test_does_not_believe_a_server_with_another_name(self):
        lines, trust = self.certificate()
        self.coturn(*lines)
        for transport in "tls", "dtls":
            with self.subTest(transport):
                client = Client(self, at(namespace.SERVER, TLS_PORT), transport, *trust[:2], "--name", "example.com")
                client.hear(r"failed 0 .*name.*")

    def test_has_an_address_of_each_family(self):
        self.coturn()
        client = Client(self, at(namespace.SERVER), "udp", "--family", "both")
        relayed = sorted(client.hear(r"allocated (\S+) (\S+) .*").groups())
        for peer, address in (Peer(self, namespace.BOB), relayed[0]), (Peer(self, namespace.BOB6), relayed[1]):
            client.tell("permit", peer.address)
            client.hear("granted .*")
            client.tell("send", peer.endpoint, "hello")
            self.assertEqual(peer.hear(), ("hello", address))

    def test_says_that_the_password_is_wrong(self):
        self.coturn()
        for transport in "udp", "tcp":
            with self.subTest(transport):
                Client(self, at(namespace.SERVER), transport, password="wrong").hear(r"failed 401 .*")
        Client(self, at(namespace.SERVER), user="nobody").hear(r"failed 401 .*")

    def test_takes_shared_secret_credentials(self):
        self.coturn("use-auth-secret", "static-auth-secret=north")
        name = f"{int(time.time()) + 600}:{servers.USER}"
        password = base64.b64encode(hmac.new(b"north", name.encode(), hashlib.sha1).digest()).decode()
        Client(self, at(namespace.SERVER), user=name, password=password).allocated()

    def test_is_told_which_peers_are_forbidden(self):
        self.coturn("denied-peer-ip=10.0.0.0-10.255.255.255")
        client = Client(self, at(namespace.SERVER))
        client.allocated()
        client.tell("permit", "10.1.2.3")
        client.hear(r"refused 10\.1\.2\.3 403 .*")
        client.tell("permit", namespace.BOB)
        client.hear("granted .*")

    def test_meets_stale_nonces(self):
        server = self.coturn("stale-nonce=1", "verbose")
        client = Client(self, at(namespace.SERVER))
        client.allocated()
        for peer in range(1, 101):  # it is a second until a nonce is stale
            client.tell("permit", f"198.51.100.{peer}")
            client.hear("granted .*")
            if "stale nonce" in server.log().lower():
                return
            time.sleep(0.05)
        self.fail("no nonce became stale")

    def test_says_that_the_quota_is_reached(self):
        self.coturn("user-quota=1")
        Client(self, at(namespace.SERVER)).allocated()
        Client(self, at(namespace.SERVER)).hear(r"failed 486 .*")

    def test_follows_a_server_that_names_another_where_a_certificate_says_who_speaks(self):
        lines, trust = self.certificate()
        servers.Coturn(self, namespace.SERVER, lines=[*lines, f"alternate-server={namespace.ALICE}:3478",
                                                      f"tls-alternate-server={namespace.ALICE}:{TLS_PORT}"])
        servers.Coturn(self, namespace.ALICE, lines=lines)
        client = Client(self, at(namespace.SERVER, TLS_PORT), "tls", *trust)
        self.assertIn(f"{namespace.ALICE}:", client.allocated())
        for transport in "udp", "tcp":  # coturn does not sign it
            Client(self, at(namespace.SERVER), transport).hear("failed 300 .*")

    def test_two_of_us_talk_through_one_server(self):
        self.coturn()
        one, other = Client(self, at(namespace.SERVER)), Client(self, at(namespace.SERVER), "tcp")
        first, second = one.allocated(), other.allocated()
        one.tell("bind", second)
        one.hear("granted .*")
        one.hear("channel .*")
        other.tell("permit", namespace.SERVER)
        other.hear("granted .*")
        one.tell("send", second, "hello")
        other.hear(f"data {re.escape(first)} hello")
        other.tell("send", first, "hello")
        one.hear(f"data {re.escape(second)} hello")

    def test_comes_back_when_the_server_was_killed_and_started_again(self):
        for transport in "udp", "tcp":
            with self.subTest(transport):
                server, peer = self.coturn(), Peer(self)
                client = Client(self, at(namespace.SERVER), transport)
                self.exchange(client, peer, client.allocated())
                server.kill()
                if transport == "udp":  # a connection that is closed needs no question
                    client.tell("check")
                    server.start()  # it is asked until it hears that
                    client.hear(r"lost 437 .*")
                else:
                    client.hear(r"lost 0 .*")
                    client.hear(r"failed for-now 0 .*")
                    server.start()
                while (line := client.process.stdout.readline()).startswith("failed for-now"):
                    pass
                relayed = re.match(r"allocated (\S+)", line)[1]
                client.hear("granted .*")
                client.hear("channel .*")
                client.tell("send", peer.endpoint, "again")
                self.assertEqual(peer.hear(), ("again", relayed))
                client.tell("release")
                client.hear("released")
                server.kill()

    def test_comes_back_at_once_to_a_server_that_was_restarted_before_it_noticed(self):
        server, peer = self.coturn(), Peer(self)
        client = Client(self, at(namespace.SERVER))
        client.allocated()
        client.tell("bind", peer.endpoint)
        client.hear("granted .*")
        client.hear("channel .*")
        server.kill()
        server.start()
        client.tell("check")
        client.hear("lost 437 .*")
        relayed = client.allocated()
        client.hear("granted .*")
        client.hear("channel .*")
        client.tell("send", peer.endpoint, "again")
        self.assertEqual(peer.hear(), ("again", relayed))


def main():
    global TURN_CLIENT
    TURN_CLIENT = os.path.abspath(sys.argv[1])
    namespace.need("turnserver", "openssl")
    namespace.enter()
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])


if __name__ == "__main__":
    main()
