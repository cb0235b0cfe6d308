"""Kinds of NAT as rules of nftables: what a gateway does to the packets between its interfaces `lan` and `wan`.

The kernel promises no endpoint-independent mapping, so the cones get theirs as a table: each of a client's ports has a
port of the gateway, another number always. What comes in is filtered by a set that what goes out fills. The symmetric
one is the kernel's own masquerading with random ports."""

import random

OPEN, FULL, RESTRICTED, PORT_RESTRICTED = "open", "full cone", "restricted cone", "port restricted cone"
SYMMETRIC, BLOCKED = "symmetric", "udp blocked"
KINDS = (OPEN, FULL, RESTRICTED, PORT_RESTRICTED, SYMMETRIC, BLOCKED)
REJECTED = "udp rejected"  # as BLOCKED, and says so by ICMP

HOST_PORTS = 20000    # the first port that a host behind a gateway has for its sockets
MAPPED_PORTS = 30000  # the first one that they are mapped to
OUTER_PORTS = 40000   # the first one that a gateway in front of gateways maps those to
BLOCK = 1000          # ports of a client
SYMMETRIC_PORTS = "20000-65535"  # so many that two are hardly ever the same by chance
CLIENTS = (2, 3)      # the last numbers of their addresses
FILTER_EXPIRES = 60   # seconds after the last packet that went out; no test waits for it

# What of a packet that goes out lets packets in: of its own end, and, in those that have such a filter, of the remote one.
_INSIDE = ("meta l4proto . ip saddr . th sport", "meta l4proto . ip daddr . th dport")
FILTERS = {FULL: ("", "", ""),
            RESTRICTED: (" . ipv4_addr", " . ip daddr", " . ip saddr"),
            PORT_RESTRICTED: (" . ipv4_addr . inet_service", " . ip daddr . th dport", " . ip saddr . th sport")}


def rules(kind, public, network, *, inside=HOST_PORTS, outside=MAPPED_PORTS, hairpin=False):
    """The table of a gateway with the address `public`, in front of the clients of `network` ("10.1.0").

    `inside` and `outside` are the first ports of the blocks that are mapped. With `hairpin` clients reach each other
    by their public endpoints (a full cone alone); without, such packets are lost."""
    if kind in FILTERS:
        return _cone(kind, public, _mapping(public, network, inside, outside), hairpin)
    before = {BLOCKED: "meta l4proto udp drop",
              REJECTED: "meta l4proto udp reject with icmp type admin-prohibited", SYMMETRIC: ""}[kind]
    return f"""
        table ip nat {{
          chain postrouting {{
            type nat hook postrouting priority srcnat
            oifname "wan" meta l4proto {{ tcp, udp }} masquerade to :{SYMMETRIC_PORTS} random,fully-random
          }}
          chain forward {{
            type filter hook forward priority filter; policy drop
            {before}
            iifname "lan" oifname "wan" accept
            ct state established,related accept
          }}
          {_OWN_INPUT}
        }}
        """


def firewall6():
    """What gateways do to IPv6: no translation, and nothing comes in that was not asked for."""
    return """
        table ip6 firewall {
          chain forward {
            type filter hook forward priority filter; policy drop
            iifname "lan" accept
            ct state established,related accept
          }
        }
        """


def loss(thousandths):
    """A table for who has the bridge: so many of 1,000 UDP datagrams over it are lost."""
    chains = "".join(f"""
          chain {hook} {{
            type filter hook {hook} priority filter
            meta l4proto udp numgen random mod 1000 < {thousandths} drop
          }}""" for hook in ("forward", "input", "output"))
    return f"""
        table bridge loss {{{chains}
        }}
        """


# Without it a packet that comes before the mapping is the gateway's own connection, and the mapping has to move.
_OWN_INPUT = """chain input {
            type filter hook input priority filter; policy drop
            meta l4proto icmp accept
          }"""


def _cone(kind, public, mapping, hairpin):
    remote, outbound, inbound = FILTERS[kind]
    own, peer = _INSIDE
    in2out = ", ".join(f"{a} : {b}" for a, b in mapping)
    out2in = ", ".join(f"{b} : {a}" for a, b in mapping)
    pairs = "ipv4_addr . inet_service : ipv4_addr . inet_service"
    back = (f'iifname "lan" oifname "lan" {peer} @open accept', 'oifname "lan" ct status dnat') if hairpin else ("", "")
    translate = "meta l4proto { tcp, udp } snat ip to ip saddr . th sport map @in2out"
    return f"""
        table ip nat {{
          map in2out {{ type {pairs}; elements = {{ {in2out} }} }}
          map out2in {{ type {pairs}; elements = {{ {out2in} }} }}
          set open {{ type inet_proto . ipv4_addr . inet_service{remote}; flags dynamic,timeout; timeout {FILTER_EXPIRES}s; }}
          chain prerouting {{
            type nat hook prerouting priority dstnat
            {'' if hairpin else 'iifname "wan" '}ip daddr {public} meta l4proto {{ tcp, udp }} dnat ip to ip daddr . th dport map @out2in
          }}
          chain postrouting {{
            type nat hook postrouting priority srcnat
            oifname "wan" {translate}
            {f"{back[1]} {translate}" if hairpin else ""}
          }}
          chain forward {{
            type filter hook forward priority filter; policy drop
            ct state related accept
            iifname "lan" update @open {{ {own}{outbound} }}
            iifname "lan" oifname "wan" accept
            iifname "wan" {peer}{inbound} @open accept
            {back[0]}
          }}
          {_OWN_INPUT}
        }}
        """


def _mapping(public, network, inside, outside):
    """Pairs of an endpoint of a client and one of the gateway. Always the same ones, in no order."""
    pairs = []
    for block, client in enumerate(CLIENTS):
        ports = list(range(outside + block * BLOCK, outside + (block + 1) * BLOCK))
        random.Random(block).shuffle(ports)
        pairs += ((f"{network}.{client} . {inside + at}", f"{public} . {port}") for at, port in enumerate(ports))
    return pairs
