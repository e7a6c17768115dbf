#!/usr/bin/env python3
"""Measures an RBD image: through nbd-runner, through qemu-nbd, and by fio's own rbd engine; see storage.py.

The image has no fast-diff, with which qemu-nbd asks the cluster for extents before each read; its lock passes from one that writes to the next.

Needs fio, qemu-nbd with its rbd driver, a Ceph that can be started here (see services/ceph.sh), and a built distribution.
"""

import os
import sys

import storage
from benchmark import ROOT

IMAGE = "bench"


def begin(work, directory):
    conf = os.environ["CEPH_CONF"] = f"{directory}/ceph.conf"
    return storage.start(
        work, "ceph", f"rbd/{IMAGE}", f"rbd:rbd/{IMAGE}:id=admin:conf={conf}", options=";features=layering,exclusive-lock", conf=conf)


if __name__ == "__main__":
    direct = ["--ioengine=rbd", "--pool=rbd", f"--rbdname={IMAGE}"]
    sys.exit(storage.main(__doc__, ROOT / "itests/services/ceph.sh", "librbd", direct, begin))
