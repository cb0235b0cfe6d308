"""Peers of mesh_demo on hosts of the lab, and what came of their calls."""

import itertools

import network
from programs import Program

MESH_DEMO = ""  # the program

_rooms = itertools.count(1)


class Server(Program):
    """mesh_demo serve on the public segment: signalling at `signalling`, STUN and the relay beside it."""

    def __init__(self, test, *arguments):
        super().__init__(test, "serve", "--listen", f"{network.SERVER}:0", "--ice-listen", f"{network.SERVER}:3478",
                         *arguments, command=[MESH_DEMO])
        self.signalling = self.wait_for("ready")["signalling"]


class Peer(Program):
    """mesh_demo join on a host, with further arguments; has joined when it is made."""

    def __init__(self, test, host, signalling, room, name, *arguments):
        super().__init__(test, "join", signalling, "--room", room, "--name", name, *arguments,
                         command=host.ready().command(MESH_DEMO))
        self.name = name
        self.wait_for("joined")


class Call:
    """How two hosts came together: what each side said, from the one that joined first."""

    def __init__(self, a, b):
        self.a, self.b = a, b

    @property
    def types(self):
        return f"{self.a['local_type']}/{self.b['local_type']}"

    @property
    def relayed(self):
        return "relay" in (self.a["local_type"], self.a["remote_type"])

    @property
    def attempt(self):
        return max(self.a["attempt"], self.b["attempt"])

    @property
    def ms(self):
        """From both joined to both connected. The call of either begins when the second one has joined."""
        return max(self.a["ms"], self.b["ms"])

    @property
    def on_one_pair(self):
        return self.a["local"] == self.b["remote"] and self.a["remote"] == self.b["local"]


def call(test, signalling, first, second, *arguments):
    """Lets a peer on the host `second` join one on the host `first`, sends a text each way, and ends both."""
    room = f"room {next(_rooms)}"
    a = Peer(test, first, signalling, room, "a", *arguments)
    b = Peer(test, second, signalling, room, "b", *arguments)
    made = Call(a.wait_for("connected"), b.wait_for("connected"))
    if made.a["attempt"] != made.b["attempt"]:  # one side has given up what the other had connected
        made = Call(*(one.wait_for("connected", attempt=made.attempt) for one in (a, b)))
    for one, other in (a, b), (b, a):
        one.say(f"from {one.name}")
        other.wait_for("message", text=f"from {one.name}")
    for one in a, b:
        one.process.terminate()
    for one in a, b:
        one.end()
    return made
