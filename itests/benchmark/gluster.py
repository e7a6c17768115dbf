#!/usr/bin/env python3
"""Measures files on a Gluster volume: through nbd-runner, through qemu-nbd, and by fio's own gfapi engine, in one run.

They take turns, several rounds of them for each workload, so that whatever else the machine does hits all alike. Printed are medians:
requests per second, and the microseconds of CPU that a server spent on each (bricks not included). Ratios are ours to the others'.

Needs fio, qemu-nbd with its gluster driver, a GlusterFS that can be started here (see services/gluster.sh), and a built distribution.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from benchmark import ROOT, Server, free_port, runner

WORKLOADS = {
    "4k randread": ["--rw=randread", "--bs=4k", "--iodepth=32"],
    "4k randwrite": ["--rw=randwrite", "--bs=4k", "--iodepth=32"],
    "1M read": ["--rw=read", "--bs=1M", "--iodepth=8"],
    "1M write": ["--rw=write", "--bs=1M", "--iodepth=8"],
}
VOLUME = "bench"
SIZE_MIB = 512


def fio(args, seconds):
    command = ["fio", "--name=b", f"--size={SIZE_MIB}m", "--output-format=json", "--time_based", f"--runtime={seconds}", "--ramp_time=1", *args]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    job = json.loads(out[out.index("{"):])["jobs"][0]
    return job["read"]["iops"] + job["write"]["iops"], job["read"]["total_ios"] + job["write"]["total_ios"]


def start(work):
    def prepare(home):
        properties = home / "conf/nbd-runner.properties"
        properties.write_text(properties.read_text().replace("handler-file", "handler-file, handler-gluster", 1))

    server, cli, _ = runner(ROOT / "distribution/target/nbd-runner", pathlib.Path(work), "nbd-runner", prepare=prepare)
    server.export = f"gluster/{VOLUME}/disk"
    cli("gluster", "create", f"{VOLUME}/disk", "prealloc", "size", f"{SIZE_MIB}M")
    return server


def measure(servers, rounds, seconds):
    for name, args in WORKLOADS.items():
        rates = {"gfapi": []}
        cpu = {}
        for _ in range(rounds):
            rates["gfapi"].append(fio(["--ioengine=gfapi_async", f"--volume={VOLUME}", "--brick=127.0.0.1", "--filename=disk", *args], seconds)[0])
            for s in servers:
                before = s.cpu()
                rate, _ = fio(["--ioengine=nbd", f"--uri={s.uri()}", *args], seconds)
                rates.setdefault(s.name, []).append(rate)
                # The time before fio counts is in it, as are the requests of that time at about the same rate.
                cpu.setdefault(s.name, []).append((s.cpu() - before) / (rate * (seconds + 1)) * 1e6)
        rate = {k: statistics.median(v) for k, v in rates.items()}
        spent = {k: statistics.median(v) for k, v in cpu.items()}
        ours = rate["nbd-runner"]
        print(
            f"{name:13}" + "".join(f"  {k} {v:8.0f}/s" for k, v in rate.items())
            + "".join(f"  {k} {v:6.0f} us" for k, v in spent.items())
            + f"  to gfapi {ours / rate['gfapi']:.2f}  to qemu-nbd {ours / rate['qemu-nbd']:.2f}"
            + f"  CPU to qemu-nbd {spent['nbd-runner'] / spent['qemu-nbd']:.2f}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6)
    options = parser.parse_args()
    service = ROOT / "itests/services/gluster.sh"
    os.environ["GLUSTER_VOL"] = VOLUME
    servers = []
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([service, "up", f"{work}/gluster"], check=True)
        try:
            servers.append(start(work))
            port = free_port()
            image = f"gluster://127.0.0.1/{VOLUME}/disk"
            servers.append(
                Server("qemu-nbd", ["qemu-nbd", "-t", "-b", "127.0.0.1", "-p", str(port), "-f", "raw", "-e", "8", "--cache=writeback", image], port))
            measure(servers, options.rounds, options.seconds)
        finally:
            for s in servers:
                s.stop()
            subprocess.run([service, "wipe", f"{work}/gluster"], check=True)


if __name__ == "__main__":
    sys.exit(main())
