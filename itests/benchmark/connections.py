#!/usr/bin/env python3
"""Measures what connections cost: memory that each takes while it is idle, and CPU for each request when there are many.

The server is nbd-runner with as many disks, sparse files, as connections are opened. Each connection sends a few reads of 4 KiB and takes the
replies when all others have sent theirs: a request costs the same work with one connection as with a thousand, but for what many cost.

Needs a built distribution.
"""

import argparse
import json
import pathlib
import re
import resource
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import benchmark

BLOCK = 4096
DISK = 1 << 20


def receive(s, n):
    parts = bytearray()
    while len(parts) < n:
        part = s.recv(n - len(parts))
        if not part:
            sys.exit("the server has ended a connection")
        parts += part
    return bytes(parts)


def connect(port, export):
    """Newstyle fixed negotiation: NBD_OPT_GO without zeroes, simple replies."""
    s = socket.create_connection(("127.0.0.1", port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    receive(s, 18)
    name = export.encode()
    data = struct.pack(">I", len(name)) + name + struct.pack(">H", 0)
    s.sendall(struct.pack(">I", 3) + b"IHAVEOPT" + struct.pack(">II", 7, len(data)) + data)
    while True:
        kind, length = struct.unpack(">II", receive(s, 20)[12:])
        receive(s, length)
        if kind == 1:
            return s
        if kind & 1 << 31:
            sys.exit(f"{export}: NBD_OPT_GO fails with {kind:#x}")


def request(write, cookie):
    return struct.pack(">IHHQQI", 0x25609513, 0, int(write), cookie, cookie * BLOCK % DISK, BLOCK) + (b"x" * BLOCK if write else b"")


def burst(connections, depth, write=False):
    requests = b"".join(request(write, i) for i in range(depth))
    for s in connections:
        s.sendall(requests)
    for s in connections:
        receive(s, depth * (16 if write else 16 + BLOCK))


def resident(pid):
    """KiB of memory, of the heap what is used: which of its other pages were touched before is chance."""
    def jcmd(command):
        return subprocess.run(["jcmd", str(pid), command], check=True, capture_output=True, text=True).stdout

    time.sleep(2)  # the runner gives up what an idle connection does not need within a second
    jcmd("GC.run")
    used, start, end = re.search(r"used (\d+)K \[0x(\w+), 0x(\w+)\)", jcmd("GC.heap_info")).groups()
    total = int(used)
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        mapping = re.match(r"([0-9a-f]+)-[0-9a-f]+ ", line)
        if mapping:
            heap = int(start, 16) <= int(mapping[1], 16) < int(end, 16)
        elif line.startswith("Rss:") and not heap:
            total += int(line.split()[1])
    return total


def cost(server, connections, depth, requests):
    before = server.cpu()
    turns = requests // (depth * len(connections))
    for _ in range(turns):
        burst(connections, depth)
    return (server.cpu() - before) / (turns * depth * len(connections)) * 1e6


def disks(data, count):
    """Backstores of the file handler, as they are found after a restart."""
    files = data / "files"
    files.mkdir(parents=True)
    for i in range(count):
        with open(files / f"disk{i}", "wb") as f:
            f.truncate(DISK)
    disk = {"type": 1001, "nbd": "", "maptime": "", "size": DISK, "blksize": 512, "timeout": 0, "readonly": False, "prealloc": False,
            "status": "created"}
    (data / "saveconfig.json").write_text(json.dumps({f"disk{i}": disk for i in range(count)}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=pathlib.Path, default=benchmark.ROOT / "distribution/target/nbd-runner", help="the distribution, unpacked")
    parser.add_argument("--connections", type=int, default=1000, help="how many, each to a disk of its own (1000)")
    parser.add_argument("--depth", type=int, default=8, help="requests in flight on each (8)")
    parser.add_argument("--requests", type=int, default=200_000, help="requests of each measurement (200000)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements, alternating (3)")
    args = parser.parse_args()
    n = args.connections
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    benchmark.own_network()
    work = pathlib.Path(tempfile.mkdtemp(prefix="nbd-connections"))
    server, _, _ = benchmark.runner(args.home, work, "nbd-runner", prepare=lambda home: disks(home / "data", n))
    try:
        pid = server.process.pid
        warm = [connect(server.port, "file/disk0") for _ in range(4)]
        burst(warm, args.depth * 4, True)
        cost(server, warm, args.depth, args.requests)
        many = []

        def step(what, action):
            known = len(many)
            before = resident(pid)
            action()
            print(f"{what}: {(resident(pid) - before) / (n - known or n):.1f} KiB for each connection", flush=True)

        def connect_up_to(count):
            many.extend(connect(server.port, f"file/disk{i}") for i in range(len(many), count))

        connect_up_to(n // 10)  # what is taken once and for all is not what a connection takes
        step("connected while the server is young", lambda: connect_up_to(n))
        for s in many:
            s.close()
        many.clear()
        step("connected, much compiled by now", lambda: connect_up_to(n))
        step("after a read, more", lambda: burst(many, 1))
        step("after 32 reads and 32 writes at once, more", lambda: (burst(many, 32), burst(many, 32, True)))
        one, all_of_them = [], []
        for _ in range(args.rounds):
            one.append(cost(server, many[:1], args.depth, args.requests))
            all_of_them.append(cost(server, many, args.depth, args.requests))
        one, all_of_them = statistics.median(one), statistics.median(all_of_them)
        print(f"CPU for each request: {one:.2f} us with one connection, {all_of_them:.2f} us with {n}, ratio {all_of_them / one:.2f}")
    finally:
        server.stop()
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
