#!/usr/bin/python3
"""aioice_pair.py SERVER PORT USER PASSWORD TRANSPORT: two agents of aioice that may use nothing but relayed candidates.

Says "relayed" when each has received what the other one sent."""

import asyncio
import sys

from aioice import Connection
from aioice.ice import TransportPolicy


async def main(server, port, user, password, transport):
    alice, bob = (Connection(ice_controlling=controlling, turn_server=(server, int(port)), turn_username=user,
                             turn_password=password, turn_transport=transport, use_ipv6=False,
                             transport_policy=TransportPolicy.RELAY) for controlling in (True, False))
    for here, there in ((alice, bob), (bob, alice)):
        await here.gather_candidates()
        for candidate in here.local_candidates:
            assert candidate.type == "relay", candidate
            await there.add_remote_candidate(candidate)
        await there.add_remote_candidate(None)
        there.remote_username, there.remote_password = here.local_username, here.local_password
    await asyncio.gather(alice.connect(), bob.connect())
    await alice.send(b"from alice")
    await bob.send(b"from bob")
    assert await bob.recv() == b"from alice"
    assert await alice.recv() == b"from bob"
    await asyncio.gather(alice.close(), bob.close())
    print("relayed")


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 60))
