"""Measures a storage through servers, and by fio's own engine for it (the limit), in one run.

They take turns, several rounds of them for each workload, so that whatever else the machine does hits all alike. Printed are medians:
requests per second, p99 latency in ms, the microseconds of CPU that a server spent on each (the storage's own not included), and the
ratios of nbd-runner, the first server, to the others.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import tempfile

from benchmark import ROOT, Server, configure, free_port, runner

SIZE_MIB = 512
# Who writes flushes now and then, as a file system does: librbd acknowledges no write from its cache before the first flush, and fio's rbd
# engine makes one when it starts.
WORKLOADS = {
    "4k randread": ["--rw=randread", "--bs=4k", "--iodepth=32"],
    "4k randread depth 1": ["--rw=randread", "--bs=4k", "--iodepth=1"],
    "4k randwrite": ["--rw=randwrite", "--bs=4k", "--iodepth=32", "--fsync=1000"],
    "1M read": ["--rw=read", "--bs=1M", "--iodepth=8"],
    "1M write": ["--rw=write", "--bs=1M", "--iodepth=8", "--fsync=100"],
}


def fio(args, seconds):
    command = ["fio", "--name=b", f"--size={SIZE_MIB}m", "--output-format=json", "--time_based", f"--runtime={seconds}", *args]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    job = json.loads(out[out.index("{"):])["jobs"][0]
    side = job["read" if job["read"]["total_ios"] else "write"]
    return {"rate": side["iops"], "requests": side["total_ios"], "p99": side["clat_ns"]["percentile"]["99.000000"] / 1e6}


def served(server, args, seconds):
    before = server.cpu()
    measured = fio(["--ioengine=nbd", f"--uri={server.uri()}", *args], seconds)
    return {**measured, "cpu": (server.cpu() - before) / measured["requests"] * 1e6}


def start(work, handler, key, image, options="", **configuration):
    """Starts nbd-runner with a handler and a backstore of it, then qemu-nbd with the same as its own driver's image."""
    def prepare(home):
        configure(home, f"org.nbdrunner.handler.{handler}", **configuration)
        properties = home / "conf/nbd-runner.properties"
        properties.write_text(properties.read_text().replace("handler-file", f"handler-file, handler-{handler}", 1))

    server, cli, _ = runner(ROOT / "distribution/target/nbd-runner", pathlib.Path(work), "nbd-runner", prepare=prepare)
    server.export = f"{handler}/{key}"
    yield server
    cli(handler, "create", key + options, "prealloc", "size", f"{SIZE_MIB}M")
    port = free_port()
    yield Server("qemu-nbd", ["qemu-nbd", "-t", "-b", "127.0.0.1", "-p", str(port), "-f", "raw", "-e", "8", "--cache=writeback", image], port)


def measure(engine, direct, servers, options):
    chosen = {name: args for name, args in WORKLOADS.items() if re.search(options.only, name)}
    for s in servers:
        # What is compiled while it runs, and what is read for the first time, is not what is compared.
        served(s, ["--rw=randrw", "--bs=4k", "--iodepth=32"], 2 * options.seconds)
    print(f"{'':20} {'':16} {'req/s':>8} {'p99 ms':>8} {'cpu us':>8}  ours to it: req/s, cpu")
    for name, args in chosen.items():
        runs = {engine: [], **{s.name: [] for s in servers}}
        for _ in range(options.rounds):
            runs[engine].append({**fio([*direct, *args], options.seconds), "cpu": 0})
            for s in servers:
                runs[s.name].append(served(s, args, options.seconds))
        medians = {who: {k: statistics.median(r[k] for r in rs) for k in rs[0]} for who, rs in runs.items()}
        ours = medians[servers[0].name]
        for who, m in medians.items():
            ratio = "" if m is ours else f"  {ours['rate'] / m['rate']:5.2f}" + (f" {ours['cpu'] / m['cpu']:5.2f}" if m["cpu"] else "")
            print(f"{name:20} {who:16} {m['rate']:8.0f} {m['p99']:8.2f} {m['cpu']:8.1f}{ratio}", flush=True)


def main(description, service, engine, direct, begin):
    """Starts the storage in a directory, then what begin(work, directory) makes of it: the servers, nbd-runner first; measures, ends all."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--only", default="", help="only workloads whose name matches this regular expression")
    options = parser.parse_args()
    servers = []
    with tempfile.TemporaryDirectory() as work:
        storage = os.path.join(work, "storage")
        subprocess.run([service, "up", storage], check=True)
        try:
            for s in begin(work, storage):
                servers.append(s)
            measure(engine, direct, servers, options)
        finally:
            for s in servers:
                s.stop()
            subprocess.run([service, "wipe", storage], check=True)
