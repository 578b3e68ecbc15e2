"""Entry of the planner's process: ``python -m controller.planner_main DESCRIPTOR``."""

from __future__ import annotations

import sys
from multiprocessing.connection import Connection

from controller.planner_process import serve

if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
