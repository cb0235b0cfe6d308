"""A network of the kernel's: a public segment, gateways and hosts, each a network namespace of its own.

enter() starts the script again where nobody sees what it makes, so that scripts may run side by side with the same
names and addresses, and all of it ends with the script. The script itself is on the public segment, with the addresses
SERVER and those after it: servers are started as they are, programs of hosts by Host.command()."""

import itertools
import json
import os
import subprocess
import sys
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, folder)
                for folder in ("support", "program", "interop")]
import nat
import sandbox

SERVER, OTHER, THIRD, FOURTH = (f"203.0.113.{number}" for number in range(1, 5))
SERVER6 = "2001:db8::1"
PATIENCE = 30  # seconds for what takes one at most

_sandbox = sandbox.Sandbox("ICEBREAKER_REQUIRE_LAB")
skip, need = _sandbox.skip, _sandbox.need
# Both ends of a link with one index: the kernel takes a second longer to bring it up. So no index comes twice.
_index = itertools.count(100)


def enter():
    """Returns in namespaces of its own, where the script runs again."""
    need("nft", "nsenter")
    _sandbox.enter("--mount", "--pid", "--mount-proc")
    _run("mount", "-t", "tmpfs", "tmpfs", "/run")
    tried = subprocess.run(["nft", "-f", "-"], input=nat.loss(1) + nat.rules(nat.SYMMETRIC, OTHER, "10.0.0") +
                           "flush ruleset", capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        skip(f"nftables does not work here: {tried.stderr.strip()}")


class Namespace:
    """Of that name; without one, the script's own. IPv6 is off where it is not asked for."""

    segment = None  # that it leaves by

    def __init__(self, name="", *, ipv6=False):
        self.name, self.ipv6 = name, ipv6
        if name:
            _run("ip", "netns", "add", name)
        for group in "all", "default":
            self.set(f"net/ipv6/conf/{group}/disable_ipv6", int(not ipv6))
            self.set(f"net/ipv6/conf/{group}/accept_dad", 0)  # until it ends, a router finds no neighbours
        self.ip("link set dev lo up")

    def command(self, *words):
        """What runs `words` here."""
        return ["nsenter", f"--net=/run/netns/{self.name}", *words] if self.name else list(words)

    def ip(self, *lines):
        _run(*self.command("ip", "-batch", "-"), text="\n".join(lines) + "\n")

    def nft(self, table):
        _run(*self.command("nft", "-f", "-"), text=table)

    def links_up(self):
        """Returns once the links here carry packets. The kernel looks at what has changed about once a second."""
        deadline = time.monotonic() + PATIENCE
        while '"operstate":"DOWN"' in (links := _run(*self.command("ip", "-j", "link"))):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name or 'public'}: a link stays down: {links}")
            time.sleep(0.01)

    def set(self, key, value):
        """A setting of the kernel, where it has one."""
        _run(*self.command("sh", "-c", f"[ ! -e /proc/sys/{key} ] || echo '{value}' > /proc/sys/{key}"))


class Segment:
    """What a bridge connects: hosts and gateways with the addresses `network`.1 and on, and, those that have IPv6,
    `network6`::1 and on."""

    def __init__(self, owner, bridge, network, network6):
        """`owner` has the bridge, and the address 1 on it, by which the others leave the segment."""
        self.owner, self.bridge, self.network, self.network6 = owner, bridge, network, network6
        # Without an address of its own the bridge takes that of a port, and others lose it when it changes.
        owner.ip(f"link add {bridge} address 02:00:00:00:00:01 type bridge", *self._addresses(owner, 1, bridge), f"link set dev {bridge} up")
        for family in "iptables", "ip6tables":
            owner.set(f"net/bridge/bridge-nf-call-{family}", 0)

    def attach(self, other, interface, number):
        """Gives `other` an interface of that name here, with that number, and returns its address."""
        port, ends = f"port{number}", [next(_index), next(_index)]
        other.ip(f"link add {interface} index {ends[0]} type veth "
                 f"peer name {port} index {ends[1]} netns {self.owner.name or os.getpid()}",
                 *self._addresses(other, number, interface), f"link set dev {interface} up")
        self.owner.ip(f"link set dev {port} master {self.bridge} up")
        other.ip(f"route add default via {self.network}.1",
                 *([f"route add ::/0 via {self.network6}::1"] if other.ipv6 else []))
        return f"{self.network}.{number}"

    def _addresses(self, owner, number, interface):
        yield f"address add {self.network}.{number}/24 dev {interface}"
        if owner.ipv6:
            yield f"address add {self.network6}::{number}/64 dev {interface} nodad"


class Gateway(Namespace):
    """A NAT of a kind between a segment and one of its own, `inner`. Further arguments are those of nat.rules()."""

    def __init__(self, name, kind, segment, number, network, *, ipv6=False, **more):
        super().__init__(name, ipv6=ipv6)
        self.kind, self.segment = kind, segment
        self.public = segment.attach(self, "wan", number)
        network6 = f"{segment.network6}{number}"
        self.inner = Segment(self, "lan", network, network6)
        self.set("net/ipv4/ip_forward", 1)
        self.nft(nat.rules(kind, self.public, network, **more))
        if self.ipv6:
            self.set("net/ipv6/conf/all/forwarding", 1)
            self.nft(nat.firewall6())
            segment.owner.ip(f"route add {network6}::/64 via {segment.network6}::{number}")


class Host(Namespace):
    """What runs a peer."""

    def __init__(self, name, segment, number=2, *, ipv6=False):
        super().__init__(name, ipv6=ipv6)
        self.segment = segment
        self._ready = False
        self.address = segment.attach(self, "eth0", number)
        self.set("net/ipv4/ip_local_port_range", f"{nat.HOST_PORTS} {nat.HOST_PORTS + nat.BLOCK - 1}")

    def ready(self):
        """Itself, once packets come through from here to the public segment."""
        place = None if self._ready else self
        while place:
            place.links_up()
            place = place.segment.owner if place.segment else None
        self._ready = True
        return self

    def close_filter(self):
        """Of the gateway in front, if it has one: what has gone out lets nothing in any more."""
        if isinstance(self.segment.owner, Gateway) and self.segment.owner.kind in nat.FILTERS:
            self.segment.owner.nft("flush set ip nat open")

    def said(self, *words):
        """What a program that runs here to its end says: its lines of JSON. Several may run at a time."""
        process = subprocess.Popen(self.ready().command(*words, "--json"), stdout=subprocess.PIPE, text=True)

        def lines():
            out, _ = process.communicate(timeout=PATIENCE)
            return [json.loads(line) for line in out.splitlines()]
        return lines


class Public(Segment):
    """The segment that everybody reaches, and the script on it."""

    def __init__(self):
        super().__init__(Namespace(ipv6=True), "public", "203.0.113", "2001:db8:0:0")
        self.owner.set("net/ipv6/conf/all/forwarding", 1)
        # What is sent to a private address of somebody else's is lost without a word, as on the Internet.
        self.owner.ip(*(f"address add {one}/24 dev public" for one in (OTHER, THIRD, FOURTH)), "route add default dev public")
        self._numbers = itertools.count(10)

    def host(self, name, kind, *, ipv6=False, **more):
        """A host of that name behind a NAT of that kind, or on this segment where it is open."""
        if kind == nat.OPEN:
            return Host(name, self, next(self._numbers), ipv6=ipv6)
        return Host(name, self.gateway(f"{name}-nat", kind, ipv6=ipv6, **more).inner, ipv6=ipv6)

    def gateway(self, name, kind, *, network=None, **more):
        """A NAT on this segment. `network` is what is behind it; by default every one has another."""
        number = next(self._numbers)
        return Gateway(name, kind, self, number, network or f"10.{number}.0", **more)


def _run(*words, text=None):
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr}{done.stdout}")
    return done.stdout
