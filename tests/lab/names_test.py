#!/usr/bin/env python3
"""names_test.py NAT_PROBE TURN_SERVER: what nat_probe calls each kind of NAT, by our server and by coturn.

Runs in namespaces of its own."""

import collections
import os
import sys
import unittest

import nat
import network
import servers
from programs import Program

NAT_PROBE = TURN_SERVER = ""
RUNS = 10
MOST_UNKNOWN = 2  # of RUNS, where packets are lost

ANY, ADDRESS, PORT = "endpoint-independent", "address-dependent", "address-and-port-dependent"
# Mapping, filtering, and the name that RFC 3489 has for both.
TRUTH = {nat.OPEN: (ANY, ANY, "open internet"), nat.FULL: (ANY, ANY, nat.FULL),
         nat.RESTRICTED: (ANY, ADDRESS, nat.RESTRICTED), nat.PORT_RESTRICTED: (ANY, PORT, nat.PORT_RESTRICTED),
         nat.SYMMETRIC: (PORT, PORT, nat.SYMMETRIC), nat.BLOCKED: ("unknown", "unknown", nat.BLOCKED),
         nat.REJECTED: ("unknown", "unknown", nat.BLOCKED)}


class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.public = network.Public()
        cls.hosts = {kind: cls.public.host(kind.replace(" ", "-"), kind) for kind in TRUTH}

    def our_server(self):
        server = Program(self, "--listen", f"{network.SERVER}:3478", "--listen", f"{network.OTHER}:3478",
                         command=[TURN_SERVER])
        self.assertTrue(server.wait_for("ready")["rfc5780"])
        return network.SERVER

    def coturn(self):
        servers.Coturn(self, network.THIRD, network.FOURTH, rfc5780=True)
        return network.THIRD  # through the second one its answers are wrong

    def names(self, kinds, server):
        """What RUNS probes from behind each kind found, all at one time."""
        for kind in kinds:  # what an earlier probe has opened is not for the next one
            self.hosts[kind].close_filter()
        probes = [(kind, self.hosts[kind].said(NAT_PROBE, f"stun:{server}")) for kind in kinds for _ in range(RUNS)]
        found = collections.defaultdict(list)
        for kind, lines in probes:
            result = lines()[-1]
            found[kind].append((result["mapping"], result["filtering"], result["classic"]))
        return found

    def test_are_right_ten_times_of_ten(self):
        for start in self.our_server, self.coturn:
            server = start()
            for kind, found in self.names(TRUTH, server).items():
                with self.subTest(kind=kind, server=start.__name__):
                    self.assertEqual(found, [TRUTH[kind]] * RUNS)

    def test_are_never_wrong_where_a_tenth_of_the_packets_is_lost(self):
        self.public.owner.nft(nat.loss(100))
        self.addCleanup(self.public.owner.nft, "delete table bridge loss")
        for start in self.our_server, self.coturn:
            server = start()
            for kind, found in self.names(TRUTH, server).items():
                with self.subTest(kind=kind, server=start.__name__):
                    for name in found:
                        if name == TRUTH[nat.BLOCKED]:
                            continue  # all four questions were lost and TCP was not, once in a thousand probes
                        for said, truth in zip(name, TRUTH[kind]):
                            self.assertIn(said, (truth, "unknown"), name)
                    self.assertLessEqual(sum(name != TRUTH[kind] for name in found), MOST_UNKNOWN, found)


if __name__ == "__main__":
    NAT_PROBE, TURN_SERVER = map(os.path.abspath, sys.argv[1:3])
    network.need("turnserver")
    network.enter()
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
