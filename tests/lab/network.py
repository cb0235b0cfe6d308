"""A network of the kernel's: a public segment, gateways and hosts, each a network namespace of its own.

enter() starts the script again where nobody sees what it makes, so that scripts may run side by side with the same
names and addresses, and all of it ends with the script. The script itself is on the public segment, with the addresses
SERVER, OTHER and THIRD: servers are started as they are, programs of hosts by Host.command()."""

import itertools
import os
import subprocess
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, folder)
                for folder in ("support", "program", "interop")]
import nat
import sandbox

SERVER, OTHER, THIRD = "203.0.113.1", "203.0.113.2", "203.0.113.3"
SERVER6 = "2001:db8::1"

_sandbox = sandbox.Sandbox("ICEBREAKER_REQUIRE_LAB")
skip, need = _sandbox.skip, _sandbox.need
# Both ends of a link with one index: it takes the kernel a second to bring it up. So no index comes twice.
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

    def __init__(self, name="", *, ipv6=False):
        self.name, self.ipv6 = name, ipv6
        if name:
            _run("ip", "netns", "add", name)
        for group in "all", "default":
            self.set(f"net/ipv6/conf/{group}/disable_ipv6", int(not ipv6))
        self.ip("link set dev lo up")

    def command(self, *words):
        """What runs `words` here."""
        return ["nsenter", f"--net=/run/netns/{self.name}", *words] if self.name else list(words)

    def ip(self, *lines):
        _run(*self.command("ip", "-batch", "-"), text="\n".join(lines) + "\n")

    def nft(self, table):
        _run(*self.command("nft", "-f", "-"), text=table)

    def set(self, key, value):
        """A setting of the kernel, where it has one."""
        _run(*self.command("sh", "-c", f"[ ! -e /proc/sys/{key} ] || echo '{value}' > /proc/sys/{key}"))


class Segment:
    """What a bridge connects: hosts and gateways with the addresses `network`.1 and on, and `network6`::1 and on where
    their owner has IPv6."""

    def __init__(self, owner, bridge, network, network6):
        """`owner` has the bridge, and the address 1 on it, by which the others leave the segment."""
        self.owner, self.bridge, self.network, self.network6 = owner, bridge, network, network6
        owner.ip(f"link add {bridge} type bridge", *self._addresses(1, bridge), f"link set dev {bridge} up")
        for family in "iptables", "ip6tables":
            owner.set(f"net/bridge/bridge-nf-call-{family}", 0)

    def attach(self, other, interface, number):
        """Gives `other` an interface of that name here, with that number, and returns its address."""
        port, ends = f"port{number}", [next(_index), next(_index)]
        other.ip(f"link add {interface} index {ends[0]} type veth "
                 f"peer name {port} index {ends[1]} netns {self.owner.name or os.getpid()}",
                 *self._addresses(number, interface), f"link set dev {interface} up")
        self.owner.ip(f"link set dev {port} master {self.bridge} up")
        other.ip(f"route add default via {self.network}.1",
                 *([f"-6 route add default via {self.network6}::1"] if self.owner.ipv6 else []))
        return f"{self.network}.{number}"

    def _addresses(self, number, interface):
        yield f"address add {self.network}.{number}/24 dev {interface}"
        if self.owner.ipv6:
            yield f"address add {self.network6}::{number}/64 dev {interface} nodad"


class Gateway(Namespace):
    """A NAT of a kind between a segment and one of its own, `inner`. Further arguments are those of nat.rules()."""

    def __init__(self, name, kind, segment, number, network, **more):
        super().__init__(name, ipv6=segment.owner.ipv6)
        self.public = segment.attach(self, "wan", number)
        network6 = f"{segment.network6}{number}"
        self.inner = Segment(self, "lan", network, network6)
        self.set("net/ipv4/ip_forward", 1)
        self.nft(nat.rules(kind, self.public, network, **more))
        if self.ipv6:
            self.set("net/ipv6/conf/all/forwarding", 1)
            self.nft(nat.firewall6())
            segment.owner.ip(f"-6 route add {network6}::/64 via {segment.network6}::{number}")


class Host(Namespace):
    """What runs a peer."""

    def __init__(self, name, segment, number=2):
        super().__init__(name, ipv6=segment.owner.ipv6)
        self.address = segment.attach(self, "eth0", number)
        self.set("net/ipv4/ip_local_port_range", f"{nat.HOST_PORTS} {nat.HOST_PORTS + nat.BLOCK - 1}")


class Public(Segment):
    """The segment that everybody reaches, and the script on it."""

    def __init__(self, *, ipv6=False):
        super().__init__(Namespace(ipv6=ipv6), "public", "203.0.113", "2001:db8:0:0")
        self.owner.set("net/ipv6/conf/all/forwarding", int(ipv6))
        # What is sent to a private address of somebody else's is lost without a word, as on the Internet.
        self.owner.ip(*(f"address add {one}/24 dev public" for one in (OTHER, THIRD)), "route add default dev public")
        self._numbers = itertools.count(10)

    def host(self, name, kind, **more):
        """A host of that name behind a NAT of that kind, or on this segment where it is open."""
        if kind == nat.OPEN:
            return Host(name, self, next(self._numbers))
        return Host(name, self.gateway(f"{name}-nat", kind, **more).inner)

    def gateway(self, name, kind, *, network=None, **more):
        """A NAT on this segment. `network` is what is behind it; by default every one has another."""
        number = next(self._numbers)
        return Gateway(name, kind, self, number, network or f"10.{number}.0", **more)


def _run(*words, text=None):
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr}{done.stdout}")
