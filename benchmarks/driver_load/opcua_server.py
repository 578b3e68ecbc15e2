"""An OPC UA server with many variables, of which some change all the time, each in turn.

    python -m driver_load.opcua_server CHANGES_PER_S

Prints its port once it listens.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import sys
import time

from asyncua import Server, ua

from driver_load.park import HOST, opcua_nodes

STEP_S = 0.05


async def main(changes_per_s: int) -> None:
    logging.getLogger("asyncua").setLevel(logging.ERROR)
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://{HOST}:{port}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace("urn:parkgrid:load")
    assert index == 2
    folder = server.nodes.objects
    nodes = [
        (await folder.add_variable(ua.NodeId(name, index), f"{index}:{name}", 0.0, ua.VariantType.Double)).nodeid
        for name in opcua_nodes()
    ]
    async with server:
        print(port, flush=True)
        began_s, changed = time.monotonic(), 0
        turn, numbers = itertools.cycle(nodes), itertools.count(1)
        while True:
            wanted = int(changes_per_s * (time.monotonic() - began_s))
            for _ in range(wanted - changed):
                await server.write_attribute_value(
                    next(turn), ua.DataValue(ua.Variant(float(next(numbers)), ua.VariantType.Double))
                )
            changed = wanted
            await asyncio.sleep(STEP_S)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
