#!/usr/bin/env python3
"""Measures a file on a Gluster volume: through nbd-runner, through qemu-nbd, and by fio's own gfapi engine; see storage.py.

Needs fio, qemu-nbd with its gluster driver, a GlusterFS that can be started here (see services/gluster.sh), and a built distribution.
"""

import os
import sys

import storage
from benchmark import ROOT

VOLUME = "bench"


def begin(work, _):
    return storage.start(work, "gluster", f"{VOLUME}/disk", f"gluster://127.0.0.1/{VOLUME}/disk")


if __name__ == "__main__":
    os.environ["GLUSTER_VOL"] = VOLUME
    direct = ["--ioengine=gfapi_async", f"--volume={VOLUME}", "--brick=127.0.0.1", "--filename=disk"]
    sys.exit(storage.main(__doc__, ROOT / "itests/services/gluster.sh", "gfapi", direct, begin))
