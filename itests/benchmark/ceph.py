#!/usr/bin/env python3
"""Measures the Ceph handler beside fio's own RBD engine (the limit) and qemu-nbd, on one image, in turns.

usage: ceph.py CEPH_CONF [SECONDS [ROUNDS]]

CEPH_CONF is the configuration of a running cluster with a pool named rbd. The image has no fast-diff, with which qemu-nbd asks the
cluster for extents before each read. Prints the median of the rounds, its ratio to the limit, and the CPU time of the server per request.
"""
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DISTRIBUTION = os.path.join(HERE, "../../distribution/target/nbd-runner")
IMAGE = "benchmark"
LOADS = [("randread", "4k", 32), ("randread", "4k", 1), ("randwrite", "4k", 32), ("read", "1M", 4), ("write", "1M", 4)]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fio(load, seconds, target):
    rw, bs, depth = load
    out = subprocess.run(
        ["fio", "--name=x", f"--rw={rw}", f"--bs={bs}", f"--iodepth={depth}", "--size=1G", "--time_based",
         f"--runtime={seconds}", "--output-format=json", *target], check=True, capture_output=True, text=True).stdout
    job = json.loads(out[out.index("{"):])["jobs"][0]
    side = job["read"] if "read" in rw else job["write"]
    return side["iops"], side["clat_ns"]["percentile"]["99.000000"] / 1e6, side["total_ios"]


def start_runner(directory, conf):
    home = os.path.join(directory, "nbd-runner")
    shutil.copytree(DISTRIBUTION, home, symlinks=True)
    nbd, control = free_port(), free_port()
    for pid, values in {
            "engine": {"port": nbd, "legacyPort": 0},
            "rpc": {"port": control, "livenessPort": 0, "rpcbind": "false"},
            "handler.ceph": {"conf": conf}}.items():
        path = f"{home}/conf/org.nbdrunner.{pid}.cfg"
        with open(path) as f:
            text = f.read()
        for key, value in values.items():
            text = re.sub(rf"(?m)^{key} =.*", f"{key} = {value}", text)
        with open(path, "w") as f:
            f.write(text)
    with open(f"{home}/conf/nbd-runner.properties", "a") as f:
        f.write("\nnbd.features = core, handler-ceph\n")
    process = subprocess.Popen([f"{home}/bin/nbd-runner"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if " is serving: " in line:
            break
    cli = [f"{home}/bin/nbd-cli", "ceph", "create", f"rbd/{IMAGE};features=layering", "size", "1G",
           "host", f"127.0.0.1:{control}"]
    subprocess.run(cli, check=True)
    return process, f"nbd://127.0.0.1:{nbd}/ceph/rbd/{IMAGE}"


def start_qemu(conf):
    port = free_port()
    process = subprocess.Popen(["qemu-nbd", "-t", "-f", "raw", "-b", "127.0.0.1", "-p", str(port), "-e", "16",
                                "--cache=writeback", f"rbd:rbd/{IMAGE}:id=admin:conf={conf}"])
    while process.poll() is None:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    return process, f"nbd://127.0.0.1:{port}/"


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    conf = os.path.abspath(sys.argv[1])
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    os.environ["CEPH_CONF"] = conf
    direct = ["--ioengine=rbd", "--pool=rbd", f"--rbdname={IMAGE}"]
    with tempfile.TemporaryDirectory() as directory:
        runner, ours = start_runner(directory, conf)
        servers = [runner]
        try:
            fio(("write", "4M", 4), 1, [*direct, "--time_based=0"])
            qemu, theirs = start_qemu(conf)
            servers.append(qemu)
            peers = [("librbd", direct, None), ("nbd-runner", ["--ioengine=nbd", f"--uri={ours}"], runner.pid),
                     ("qemu-nbd", ["--ioengine=nbd", f"--uri={theirs}"], qemu.pid)]
            fio(("randread", "4k", 32), seconds, peers[1][1])  # the machine's code is compiled by then
            for load in LOADS:
                results = {name: [] for name, _, _ in peers}
                for _ in range(rounds):
                    for name, target, pid in peers:
                        before = cpu(pid) if pid else 0
                        iops, p99, requests = fio(load, seconds, target)
                        used = (cpu(pid) - before) / max(1, requests) * 1e6 if pid else 0
                        results[name].append((iops, p99, used))
                limit = statistics.median(r[0] for r in results["librbd"])
                print(f"{load[0]} {load[1]} depth {load[2]}")
                for name, runs in results.items():
                    iops, p99, used = (statistics.median(r[i] for r in runs) for i in range(3))
                    print(f"  {name:11} {iops:8.0f} IOPS  {iops / limit:5.2f}  p99 {p99:7.2f} ms"
                          + (f"  {used:7.1f} us CPU" if used else ""), flush=True)
        finally:
            for server in servers:
                server.terminate()
            for server in servers:
                server.wait()
            subprocess.run(["rbd", "rm", "--no-progress", f"rbd/{IMAGE}"], check=False)


if __name__ == "__main__":
    main()
