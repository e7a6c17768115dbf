#!/usr/bin/env python3
"""Measures a file on a Gluster volume: through nbd-runner, through qemu-nbd, and by fio's own gfapi engine; see storage.py.

Needs fio, qemu-nbd with its gluster driver, a GlusterFS that can be started here (see services/gluster.sh), and a built distribution.
"""

import os
import pathlib
import sys

import storage
from benchmark import ROOT, runner

VOLUME = "bench"


def start(work, _):
    def prepare(home):
        properties = home / "conf/nbd-runner.properties"
        properties.write_text(properties.read_text().replace("handler-file", "handler-file, handler-gluster", 1))

    server, cli, _ = runner(ROOT / "distribution/target/nbd-runner", pathlib.Path(work), "nbd-runner", prepare=prepare)
    server.export = f"gluster/{VOLUME}/disk"
    yield server
    cli("gluster", "create", f"{VOLUME}/disk", "prealloc", "size", f"{storage.SIZE_MIB}M")
    yield storage.qemu(f"gluster://127.0.0.1/{VOLUME}/disk")


if __name__ == "__main__":
    os.environ["GLUSTER_VOL"] = VOLUME
    direct = ["--ioengine=gfapi_async", f"--volume={VOLUME}", "--brick=127.0.0.1", "--filename=disk"]
    sys.exit(storage.main(__doc__, ROOT / "itests/services/gluster.sh", "gfapi", direct, start))
