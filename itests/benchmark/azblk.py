#!/usr/bin/env python3
"""Measures page blobs on Azurite: by plain calls of its REST API (the limit), and through nbd-runner, in one run.

They take turns, several rounds of them for each workload, each on a blob of its own; see benchmark.py for what is printed. The calls are made by
BlobClient.java, with a thread and a connection for each one in flight: by sockets, and by Java's HTTP client, which nbd-runner uses too.
nbd-runner is measured as it is shipped, without reading ahead and merging ("plain"), and with one call at a time on one connection ("one
call", which is how gluster/nbd-runner does it).

Azurite is one thread of Node.js, and it is near: with --delay each of its answers waits for so many milliseconds first, as those of a service
that is not on this machine do.

Needs fio (with its nbd engine), Node.js and npm, a JDK, and a built distribution.
"""

import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request

from benchmark import ROOT, Server, Shared, configure, fio, free_port, measure, runner

SERVICE = ROOT / "itests/services/azurite.sh"
KIB, MIB = 1 << 10, 1 << 20
# Each kind of load has a blob: how an emulator keeps one depends on what it was written by.
BLOBS = {"small": (16 * MIB, 4 * KIB), "large": (128 * MIB, MIB), "stream": (64 * MIB, MIB)}
VARIANTS = {
    "nbd-runner": {},
    "plain": {"merge": "false", "readAhead": 0},
    "one call": {"merge": "false", "readAhead": 0, "inFlight": 1},
}
# Emulators keep in memory what was overwritten, for minutes.
MOST_BYTES = 256 * MIB


class Calls(Server):
    """A program that calls the service itself."""

    def __init__(self, how, url, sas):
        self.name = how
        source = pathlib.Path(__file__).with_name("BlobClient.java")
        self.process = subprocess.Popen(["java", str(source), url, sas, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit("BlobClient.java has ended")
        return [float(number) for number in answer.split()]

    def fill(self, name, blob):
        size, block = BLOBS[blob]
        self.ask("fill", f"{name}-{blob}", size, block, 4, 60, 0)

    def run(self, direction, block, depth, seconds, blob):
        before = self.cpu()
        count, took, *latencies = self.ask(direction, f"calls-{blob}", BLOBS[blob][0], block, depth, seconds, MOST_BYTES)
        spent = self.cpu() - before
        return {"rate": count / took, "mb": count * block / took / 1e6, "cpu": spent / count * 1e6, "cpu_mib": spent / (count * block) * MIB * 1e6,
                **dict(zip(("p50", "p99", "p999", "p9999"), latencies))}

    def stop(self):
        self.process.stdin.close()
        self.process.wait(60)


def create(url, size):
    headers = {"x-ms-version": "2018-03-28", "x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": str(size)}
    urllib.request.urlopen(urllib.request.Request(url, method="PUT", headers=headers)).close()


def load(seconds, direction, block, depth, blob, *extra):
    """What a server has to do, for measure()."""
    def run(server):
        if isinstance(server, Calls):
            return server.run(direction.removeprefix("rand"), block, depth, seconds, blob)
        options = [f"--rw={direction}", f"--bs={block}", f"--iodepth={depth}", f"--size={BLOBS[blob][0]}", f"--io_size={MOST_BYTES}",
                   "--time_based=0", *extra]
        return fio(Shared(server.name, server, f"{server.export}-{blob}"), options, seconds)
    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=pathlib.Path, default=ROOT / "distribution/target/nbd-runner", help="the distribution, unpacked")
    parser.add_argument("--seconds", type=int, default=4, help="length of each measurement (4)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each, alternating (3)")
    parser.add_argument("--only", default="", help="only workloads whose title and name match this regular expression")
    parser.add_argument("--warm", type=int, default=15, help="seconds that each of them reads, and writes, before (15)")
    parser.add_argument("--delay", type=int, default=0, help="ms that each answer of the service waits (0)")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    work = pathlib.Path(tempfile.mkdtemp(prefix="azblk-benchmark"))
    servers = []
    try:
        run(args, work, servers)
    finally:
        for s in servers:
            s.stop()
        subprocess.run([SERVICE, "down", work / "azurite"], check=False)
        shutil.rmtree(work)


def run(args, work, servers):
    environment = {**os.environ, "AZURITE_MEMORY": "1", "AZURITE_KEEPALIVE": "3600", "AZURITE_DELAY": str(args.delay)}
    said = subprocess.run([SERVICE, "up", work / "azurite", str(free_port())], env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    setting = dict(re.findall(r"AZURITE_(\w+)='(.*)'", said))
    url, sas = setting["URL"], setting["SAS"]
    container = url.removeprefix("http://")
    calls, client = Calls("sockets", url, sas), Calls("client", url, sas)
    servers += [calls, client]
    for blob, (size, block) in BLOBS.items():
        create(f"{url}/calls-{blob}?{sas}", size)
        calls.fill("calls", blob)
    for name, values in VARIANTS.items():
        s, cli, _ = runner(args.home, work, name, prepare=lambda home: configure(home, "org.nbdrunner.handler.azblk", **values))
        servers.append(s)
        s.export = f"azblk/{container}/{name.replace(' ', '-')}"
        for blob, (size, _) in BLOBS.items():
            cli("azblk", "create", f"{container}/{name.replace(' ', '-')}-{blob};sas={sas};http", "size", str(size))
            calls.fill(name.replace(" ", "-"), blob)
    _, _, ours, plain, one = servers
    random = [(f"{label} {d[4:]} depth {depth}", load(args.seconds, d, block, depth, blob))
              for label, block, blob in (("4k random", 4 * KIB, "small"), ("1M random", MIB, "large"))
              for d in ("randread", "randwrite") for depth in (1, 16)]
    stream = [(f"{label} {d} depth {depth}", load(args.seconds, d, block, depth, "stream", *(["--fsync=64"] if d == "write" else [])))
              for label, block in (("4k", 4 * KIB), ("64k", 64 * KIB)) for d in ("read", "write") for depth in (1, 16)]
    for title, group, workloads in (("calls", [ours, calls, client], random),
                                    ("one call at a time", [ours, one], [w for w in random if w[0].endswith("16")]),
                                    ("streams", [ours, plain], stream)):
        if any(re.search(args.only, f"{title} {name}") for name, _ in workloads):
            # What is compiled while it runs is not what is compared, and of an HTTP client there is much to compile.
            for s in group:
                for direction in ("randread", "randwrite"):
                    load(args.warm, direction, 4 * KIB, 16, "small")(s)
        measure(title, group, workloads, args.rounds, args.seconds, args.only)


if __name__ == "__main__":
    main()
