#!/usr/bin/env python3
"""relay_dies_test.py MESH_DEMO TURN_SERVER: the relay of a call is killed and comes back.

Runs in namespaces of its own."""

import os
import sys
import time
import unittest

import mesh
import nat
import network
import servers
from programs import Program

TURN_SERVER = ""
DOWN = 5  # seconds
# Until what went through the relay goes through it again: consent expires after 30 s (RFC 7675 §5.1), and the new relay
# is asked for within the 6 s that follow. Signalling takes no time here.
MOST = 36


class RelayDies(unittest.TestCase):
    def relay(self):
        server = Program(self, "--listen", f"{network.THIRD}:3478", "--user", f"{servers.USER}:{servers.PASSWORD}",
                         command=[TURN_SERVER])
        server.wait_for("ready")
        return server

    def pair(self, public, signalling, kind):
        """Two connected peers behind NATs of a kind, with the relay, and how they are connected."""
        turn = ("--ice-server", f"turn:{network.THIRD}", "--ice-user", servers.USER, "--ice-password", servers.PASSWORD)
        peers = [mesh.Peer(self, public.host(f"{kind[:3]}-{side}", kind), signalling, kind, side, *turn)
                 for side in "ab"]
        return peers, mesh.Call(*(peer.wait_for("connected") for peer in peers))

    def assert_talk(self, peers, text):
        for one, other in peers, peers[::-1]:
            one.say(f"{text} from {one.name}")
            other.wait_for("message", text=f"{text} from {one.name}")

    def test_a_relayed_call_goes_on_by_a_restart_and_a_direct_one_notices_nothing(self):
        public = network.Public()
        signalling = mesh.Server(self).signalling
        relay = self.relay()
        relayed, by = self.pair(public, signalling, nat.SYMMETRIC)
        direct, straight = self.pair(public, signalling, nat.PORT_RESTRICTED)
        self.assertEqual((by.relayed, straight.relayed), (True, False))
        self.assert_talk(relayed, "before")

        for one in relayed:
            one.seen.clear()
        relay.kill()
        killed = time.monotonic()
        time.sleep(DOWN)  # not to wait for something: this is how long it is away
        self.relay()
        self.assert_talk(direct, "meanwhile")

        restarting = [one.wait_for("restarting") for one in relayed]
        for one in relayed:
            one.wait_for("connected")
        self.assert_talk(relayed, "again")
        took = time.monotonic() - killed
        print(f"data flows again {took:.1f} s after the relay died")
        for one in restarting:
            print(f"{one['self']}: {one['cause']}: {one['text']}")
        self.assertIn("relay-lost", [one["cause"] for one in restarting])
        self.assertLessEqual(took, MOST)
        self.assert_talk(direct, "afterwards")
        for one in direct:
            self.assertEqual({event["event"] for event in one.seen}, {"joined", "connected", "message"}, one.seen)


if __name__ == "__main__":
    mesh.MESH_DEMO, TURN_SERVER = map(os.path.abspath, sys.argv[1:3])
    network.enter()
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
