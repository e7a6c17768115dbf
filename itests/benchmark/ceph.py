#!/usr/bin/env python3
"""Measures an RBD image: through nbd-runner, through qemu-nbd, and by fio's own rbd engine; see storage.py.

The image has no fast-diff, with which qemu-nbd asks the cluster for extents before each read; its lock passes from one that writes to the next.

Needs fio, qemu-nbd with its rbd driver, a Ceph that can be started here (see services/ceph.sh), and a built distribution.
"""

import os
import pathlib
import sys

import storage
from benchmark import ROOT, configure, runner

IMAGE = "bench"


def start(work, directory):
    conf = os.environ["CEPH_CONF"] = f"{directory}/ceph.conf"

    def prepare(home):
        configure(home, "org.nbdrunner.handler.ceph", conf=conf)
        properties = home / "conf/nbd-runner.properties"
        properties.write_text(properties.read_text().replace("handler-file", "handler-file, handler-ceph", 1))

    server, cli, _ = runner(ROOT / "distribution/target/nbd-runner", pathlib.Path(work), "nbd-runner", prepare=prepare)
    server.export = f"ceph/rbd/{IMAGE}"
    yield server
    cli("ceph", "create", f"rbd/{IMAGE};features=layering,exclusive-lock", "prealloc", "size", f"{storage.SIZE_MIB}M")
    yield storage.qemu(f"rbd:rbd/{IMAGE}:id=admin:conf={conf}")


if __name__ == "__main__":
    direct = ["--ioengine=rbd", "--pool=rbd", f"--rbdname={IMAGE}"]
    sys.exit(storage.main(__doc__, ROOT / "itests/services/ceph.sh", "librbd", direct, start))
