#!/usr/bin/env python3
"""pairs_test.py MESH_DEMO: a peer behind each kind of NAT calls one behind each kind, three times, and the table of it.

Runs in namespaces of its own. With ICEBREAKER_LAB_TIMES, for a machine that does nothing else, the medians are held to
their bounds, too."""

import os
import statistics
import sys
import unittest

import mesh
import nat
import network

RUNS = 3
TIMES = "ICEBREAKER_LAB_TIMES"
RETRANSMISSION = 500  # milliseconds until the first one (RFC 8445 §14.3)
# Where hole punching finds no path: without UDP, and where a side's port depends on the remote and the other side lets
# in none but the port that it has sent to.
_STRICT = {nat.SYMMETRIC, nat.PORT_RESTRICTED}


def direct_path(a, b):
    if nat.BLOCKED in (a, b):
        return False
    return not (nat.SYMMETRIC in (a, b) and {a, b} <= _STRICT)


class Pairs(unittest.TestCase):
    def test_every_pair_connects_directly_where_it_can_and_by_relay_where_it_cannot(self):
        public = network.Public()
        callers, called = ({kind: public.host(f"{side}-{kind.replace(' ', '-')}", kind) for kind in nat.KINDS}
                           for side in "ab")
        signalling = mesh.Server(self).signalling
        calls = {(a, b): [mesh.call(self, signalling, callers[a], called[b]) for _ in range(RUNS)]
                 for a in nat.KINDS for b in nat.KINDS}
        show(calls)
        for (a, b), made in calls.items():
            for one in made:
                with self.subTest(a=a, b=b):
                    self.assertEqual(one.relayed, not direct_path(a, b), one.types)
                    self.assertTrue(one.on_one_pair, f"{one.a}, {one.b}")
                    self.assertEqual(one.attempt, 1)
        # Without a lost packet nothing but pacing takes time, and what UDP does not bring is not waited for.
        for pair, made in calls.items():
            self.assertLess(median([one.ms for one in made]), RETRANSMISSION, pair)
        if os.environ.get(TIMES):
            self.assertLessEqual(median(times(calls, relayed=False)), 60)
            self.assertLessEqual(median(times(calls, relayed=True)), 150)


def times(calls, relayed):
    return sorted(one.ms for made in calls.values() for one in made if one.relayed == relayed)


def median(ms):
    return round(statistics.median(ms))


def show(calls):
    """Rows call columns: the type of the candidate that either side came to use, and the median of the milliseconds."""
    table = [["", *nat.KINDS]]
    for a in nat.KINDS:
        cells = [calls[a, b] for b in nat.KINDS]
        table.append([a, *(f"{' or '.join(sorted({one.types for one in made}))} {median([one.ms for one in made])}"
                           for made in cells)])
    widths = [max(map(len, column)) + 2 for column in zip(*table)]
    for row in table:
        print("".join(f"{cell:{width}}" for cell, width in zip(row, widths)).rstrip())
    for relayed, how in (False, "direct"), (True, "relayed"):
        ms = times(calls, relayed)
        if ms:
            print(f"{how}: {len(ms)} calls, median {median(ms)} ms, 95 % within {ms[int(len(ms) * 0.95)]} ms, "
                  f"longest {ms[-1]} ms")
    sys.stdout.flush()


if __name__ == "__main__":
    mesh.MESH_DEMO = os.path.abspath(sys.argv[1])
    network.enter()
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
