#!/usr/bin/env python3
"""layouts_test.py MESH_DEMO: networks that are more than a NAT on each side, and relays that are not the demo's own.

Runs in namespaces of its own."""

import os
import sys
import unittest

import mesh
import nat
import network
import servers

LOSSY_CALLS = 10


class Layouts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.public = network.Public()

    def setUp(self):
        self.signalling = mesh.Server(self).signalling

    def call(self, a, b, *arguments, attempts=1):
        made = mesh.call(self, self.signalling, a, b, *arguments)
        self.assertTrue(made.on_one_pair, f"{made.a}, {made.b}")
        self.assertLessEqual(made.attempt, attempts)
        return made

    def behind_one(self, name, **more):
        """Two hosts, each behind a NAT of its own, and both of these behind one more."""
        outer = self.public.gateway(name, nat.FULL, inside=nat.MAPPED_PORTS, outside=nat.OUTER_PORTS, **more)
        return [network.Host(f"{name}-host{number}", network.Gateway(
            f"{name}-inner{number}", nat.PORT_RESTRICTED, outer.inner, number, f"10.9{number}.0").inner)
                for number in nat.CLIENTS]

    def test_two_hosts_of_one_network_meet_there_whatever_their_nat_does(self):
        for name, kind, hairpin in ("plain", nat.SYMMETRIC, False), ("turning", nat.FULL, True):
            with self.subTest(name):
                home = self.public.gateway(name, kind, **({"hairpin": True} if hairpin else {})).inner
                a, b = (network.Host(f"{name}-{number}", home, number) for number in nat.CLIENTS)
                self.assertEqual(self.call(a, b).types, "host/host")

    def test_two_nats_behind_one_that_turns_packets_back_have_a_direct_path(self):
        self.assertEqual(self.call(*self.behind_one("hairpin", hairpin=True)).types, "srflx/srflx")

    def test_two_nats_behind_one_that_does_not_need_a_relay(self):
        self.assertTrue(self.call(*self.behind_one("straight")).relayed)

    def test_a_nat_behind_a_nat_is_no_worse_than_the_stricter_of_the_two(self):
        nested = self.behind_one("nested")[0]
        for name, kind, types in ("cone", nat.PORT_RESTRICTED, "srflx/srflx"), ("picky", nat.SYMMETRIC, None):
            with self.subTest(kind):
                made = self.call(nested, self.public.host(name, kind))
                self.assertEqual(made.types if types else made.relayed, types or True, made.types)

    def test_private_networks_with_the_same_addresses_do_not_confuse_the_peers(self):
        a, b = (self.public.host(f"same-{side}", nat.PORT_RESTRICTED, network="10.0.0") for side in "ab")
        self.assertEqual(a.address, b.address)
        self.assertEqual(self.call(a, b).types, "srflx/srflx")

    def test_ipv6_is_a_direct_path_where_ipv4_has_none(self):
        for kind in nat.SYMMETRIC, nat.BLOCKED:
            with self.subTest(kind):
                a, b = (self.public.host(f"six-{side}-{kind[:3]}", kind, ipv6=True) for side in "ab")
                made = self.call(a, b)
                self.assertEqual(made.types, "host/host")
                self.assertTrue(made.a["local"].startswith("[2001:db8:"), made.a)

    def test_a_peer_with_ipv6_and_one_without_it_meet_over_ipv4(self):
        a = self.public.host("both", nat.PORT_RESTRICTED, ipv6=True)
        b = self.public.host("four", nat.PORT_RESTRICTED)
        self.assertEqual(self.call(a, b).types, "srflx/srflx")

    def test_a_network_that_refuses_udp_is_as_good_as_one_that_swallows_it(self):
        refused = self.public.host("refused", nat.REJECTED)
        self.assertTrue(self.call(refused, self.public.host("plain-cone", nat.FULL)).relayed)
        self.assertTrue(self.call(self.public.host("swallowed", nat.BLOCKED), refused).relayed)

    def test_a_tenth_of_the_packets_may_be_lost(self):
        kinds = nat.PORT_RESTRICTED, nat.SYMMETRIC
        hosts = {(side, kind): self.public.host(f"lossy-{side}-{kind[:3]}", kind) for side in "ab" for kind in kinds}
        self.public.owner.nft(nat.loss(100))
        self.addCleanup(self.public.owner.nft, "delete table bridge loss")
        for kind in kinds:
            calls = [self.call(hosts["a", kind], hosts["b", kind], attempts=3) for _ in range(LOSSY_CALLS)]
            told = ", ".join(f"{one.types} {one.ms}" for one in sorted(calls, key=lambda one: one.ms))
            print(f"10 % loss, {kind} on both sides: {told}")
            if kind == nat.SYMMETRIC:
                self.assertTrue(all(one.relayed for one in calls))

    def test_the_relay_may_be_coturn(self):
        servers.Coturn(self, network.THIRD)
        turn = f"turn:{network.THIRD}"
        for name, kind in ("strict", nat.SYMMETRIC), ("no-udp", nat.BLOCKED):
            with self.subTest(kind):
                a, b = self.public.host(f"{name}-a", kind), self.public.host(f"{name}-b", nat.SYMMETRIC)
                made = self.call(a, b, "--ice-server", turn, "--ice-server", f"{turn}?transport=tcp",
                                 "--ice-user", servers.USER, "--ice-password", servers.PASSWORD)
                self.assertTrue(made.relayed)
                self.assertIn(f"{network.THIRD}:", made.a["local"] + " " + made.a["remote"])


if __name__ == "__main__":
    mesh.MESH_DEMO = os.path.abspath(sys.argv[1])
    network.need("turnserver")
    network.enter()
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
