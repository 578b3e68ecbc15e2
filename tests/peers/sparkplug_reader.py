"""Reads Sparkplug payloads with pysparkplug, whose decoder is not ours. It runs in a Python of its own (sparkplug.txt).

Each line of standard input is a message, ``{"kind": "NBIRTH", "payload": "<hex>"}``; each line out says its metrics.
"""

from __future__ import annotations

import json
import sys

from pysparkplug import DBirth, DCmd, DData, NBirth, NCmd, NData, NDeath

KINDS = {
    "NBIRTH": NBirth,
    "NDATA": NData,
    "NDEATH": NDeath,
    "NCMD": NCmd,
    "DBIRTH": DBirth,
    "DDATA": DData,
    "DCMD": DCmd,
}


def main() -> None:
    for line in sys.stdin:
        told = json.loads(line)
        payload = KINDS[told["kind"]].decode(bytes.fromhex(told["payload"]))
        said = {"seq": getattr(payload, "seq", None), "bd_seq": getattr(payload, "bd_seq_metric", None)}
        said["bd_seq"] = None if said["bd_seq"] is None else said["bd_seq"].value
        said["metrics"] = [
            {"name": each.name, "alias": each.alias, "type": each.datatype.name, "value": each.value}
            for each in getattr(payload, "metrics", ())
        ]
        print(json.dumps(said), flush=True)


main()
