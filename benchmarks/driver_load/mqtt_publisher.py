"""Devices that publish: each topic in turn, a running number and the time, until standard input ends.

    python -m driver_load.mqtt_publisher PORT MESSAGES_PER_S

Prints how many messages it has published of how many that it should have, once they are out.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from datetime import UTC, datetime

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from driver_load.park import HOST, mqtt_topics

STEP_S = 0.01


def main(port: int, messages_per_s: int) -> None:
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(HOST, port)
    client.loop_start()
    topics = mqtt_topics()
    turn = itertools.cycle(topics)
    began_s, sent = time.monotonic(), 0
    while not over.wait(STEP_S):
        wanted = int(messages_per_s * (time.monotonic() - began_s))
        for _ in range(wanted - sent):
            number = sent // len(topics) + 1
            client.publish(next(turn), f'{{"number": {number}, "sent": "{datetime.now(UTC).isoformat()}"}}')
            sent += 1
    due = int(messages_per_s * (time.monotonic() - began_s))
    client.publish("load/over", "", qos=2).wait_for_publish(10.0)
    client.disconnect()
    client.loop_stop()
    print(sent, due, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
