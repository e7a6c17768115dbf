#!/usr/bin/env python3
"""Measures nbd-runner beside nbdkit and qemu-nbd, on the same data, in one run.

For each workload the servers take turns, several rounds of them, so that whatever else the machine does hits all of them alike. Printed
are medians: requests per second, latencies, and what the server itself spent (user and system time from /proc): microseconds of CPU per
request and per MiB. Ratios are ours to each peer's: above 1 is better for requests, below 1 is better for CPU and latency.

Run by root, it makes a network of its own, whose loopback uses TCP's usual congestion control: with others, such as BBR, all servers' large
reads are limited by pacing, and not by what they cost.

Needs fio (with its nbd engine), nbdkit, qemu-nbd, nbdcopy, openssl, ip, and a built distribution.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TICK = os.sysconf("SC_CLK_TCK")
GIB = 1 << 30
COPIES = 50  # of a disk of which nearly nothing must be copied: one is over in less than the kernel's unit of CPU time


def own_network():
    """Goes on in a network namespace, if that is allowed."""
    if os.geteuid():
        path = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control")
        print(f"not root: in the machine's network, with congestion control {path.read_text().strip()}", flush=True)
    elif "NBD_BENCHMARK_NETWORK" not in os.environ:
        os.execvpe("unshare", ["unshare", "--net", sys.executable, *sys.argv], {**os.environ, "NBD_BENCHMARK_NETWORK": "own"})
    else:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        subprocess.run(["ip", "route", "change", "table", "local", *"local 127.0.0.1 dev lo src 127.0.0.1 congctl cubic".split()], check=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"a server ended at once with status {process.returncode}: {' '.join(process.args)}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on port {port} after 60 s: {' '.join(process.args)}")


class Server:
    """A process to be measured, and where its disk is."""

    def __init__(self, name, command, port, export="", tls=None, env=None):
        self.name = name
        self.tls = tls
        self.port = port
        self.export = export
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=env)
        wait_for(port, self.process)

    def uri(self):
        scheme = "nbds" if self.tls else "nbd"
        return f"{scheme}://127.0.0.1:{self.port}/{self.export}"

    def client_environment(self):
        """Where libnbd looks for the authority; fio's refuses to be told in the URI."""
        return {**os.environ, "HOME": str(pathlib.Path(self.tls) / "home")} if self.tls else None

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


class Shared(Server):
    """Another export of a server that runs already."""

    def __init__(self, name, other, export):
        self.name, self.tls, self.port, self.process, self.export = name, other.tls, other.port, other.process, export

    def stop(self):
        pass


def fio(server, options, seconds):
    before = server.cpu()
    command = ["fio", "--name=b", "--ioengine=nbd", "--uri=" + server.uri(), f"--runtime={seconds}", "--time_based", "--size=1G",
               "--group_reporting", "--output-format=json", "--percentile_list=50:99:99.9:99.99", *options]
    out = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, env=server.client_environment())
    spent = server.cpu() - before
    if out.returncode:
        sys.exit(f"fio failed on {server.name}: {out.stderr}")
    job = json.loads(out.stdout[out.stdout.index("{"):])["jobs"][0]
    count = iops = size = rate = 0
    percentiles = {}
    for direction in ("read", "write"):
        d = job[direction]
        if d["total_ios"]:
            count += d["total_ios"]
            iops += d["iops"]
            size += d["io_bytes"]
            rate += d["bw_bytes"]
            for key, value in d["clat_ns"]["percentile"].items():
                percentiles[key[:5]] = max(percentiles.get(key[:5], 0), value / 1000)
    return {"rate": iops, "mb": rate / 1e6, "cpu": spent / count * 1e6, "cpu_mib": spent / size * (1 << 20) * 1e6,
            "p50": percentiles["50.00"], "p99": percentiles["99.00"], "p999": percentiles["99.90"], "p9999": percentiles["99.99"]}


def copy(server, source, target):
    before, began = server.cpu(), time.monotonic()
    for _ in range(COPIES):
        subprocess.run(["nbdcopy", source, target], check=True, timeout=300)
    took, spent = (time.monotonic() - began) / COPIES, (server.cpu() - before) / COPIES
    return {"rate": 1 / took, "mb": 4 * GIB / took / 1e6, "cpu": spent * 1e6, "cpu_mib": spent / 4096 * 1e6,
            "p50": 0, "p99": 0, "p999": 0, "p9999": 0}


def row(workload, server, m, base):
    ratio = "" if base is None else " ".join(ratio_of(base[k], m[k]) for k in ("rate", "cpu", "p50", "p999"))
    print(f"{workload:26} {server:16} {m['rate']:10.0f} {m['mb']:8.0f} {m['cpu']:9.2f} {m['cpu_mib']:9.0f}"
          f" {m['p50']:8.0f} {m['p99']:8.0f} {m['p999']:8.0f} {m['p9999']:8.0f}  {ratio}", flush=True)


def ratio_of(a, b):
    return f"{a / b:7.2f}" if a and b else "       "


def measure(title, servers, workloads, rounds, seconds, only):
    chosen = [(name, options) for name, options in workloads if re.search(only, f"{title} {name}")]
    if not chosen:
        return
    print(f"\n## {title}\n{'workload':26} {'server':16} {'req/s':>10} {'MB/s':>8} {'cpu us/rq':>9} {'us/MiB':>9}"
          f" {'p50 us':>8} {'p99':>8} {'p99.9':>8} {'p99.99':>8}  ours/peer: req/s, cpu, p50, p99.9", flush=True)
    for s in servers:
        # What is compiled while it runs, and what is read for the first time, is not what is compared.
        if callable(chosen[0][1]):
            chosen[0][1](s)
        else:
            fio(s, ["--rw=randrw", "--bs=4k", "--iodepth=32", "--numjobs=4"], 2 * seconds)
    for name, options in chosen:
        results = {s.name: [] for s in servers}
        for _ in range(rounds):
            for s in servers:
                results[s.name].append(options(s) if callable(options) else fio(s, options, seconds))
        medians = {n: {k: statistics.median(r[k] for r in rs) for k in rs[0]} for n, rs in results.items()}
        ours = medians[servers[0].name]
        for s in servers:
            row(name, s.name, medians[s.name], None if s is servers[0] else ours)


def certificates(directory):
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca-key.pem", "-out", "ca-cert.pem", "-subj", "/CN=benchmark", "-days", "2")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server-key.pem", "-out", "server.csr", "-subj", "/CN=localhost")
    (directory / "san").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca-cert.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-out", "server-cert.pem", "-days", "2", "-extfile", "san")
    trusted = directory / "home/.pki/libnbd"
    trusted.mkdir(parents=True)
    shutil.copy(directory / "ca-cert.pem", trusted)


def configure(home, pid, **values):
    path = home / "conf" / (pid + ".cfg")
    lines = [l for l in path.read_text().splitlines() if l.split("=")[0].strip() not in values]
    path.write_text("\n".join(lines + [f"{k} = {v}" for k, v in values.items()]) + "\n")


def runner(home, work, name, tls=None, prepare=None):
    """Starts nbd-runner from a copy of the distribution, when that has been prepared."""
    copy_of = work / name
    shutil.copytree(home, copy_of)
    port, control = free_port(), free_port()
    extra = {"tls": "require", "tlsDirectory": tls} if tls else {}
    configure(copy_of, "org.nbdrunner.engine", port=port, legacyPort=free_port(), **extra)
    configure(copy_of, "org.nbdrunner.rpc", port=control, livenessPort=0, rpcbind="false")
    if prepare:
        prepare(copy_of)
    server = Server(name, [str(copy_of / "bin/nbd-runner")], port, tls=tls)

    def cli(*words):
        subprocess.run([str(copy_of / "bin/nbd-cli"), *words, "host", f"127.0.0.1:{control}"], check=True, stdout=subprocess.DEVNULL)

    wait_for(control, server.process)
    return server, cli, copy_of


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=pathlib.Path, default=ROOT / "distribution/target/nbd-runner", help="the distribution, unpacked")
    parser.add_argument("--seconds", type=int, default=4, help="length of each measurement (4)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each server, alternating (3)")
    parser.add_argument("--only", default="", help="only workloads whose title and name match this regular expression")
    args = parser.parse_args()
    if not (args.home / "system").is_dir():
        sys.exit(f"there is no distribution at {args.home}: build it with mvn package")
    own_network()
    work = pathlib.Path(tempfile.mkdtemp(prefix="nbd-benchmark"))
    servers = []
    try:
        run(args, work, servers)
    finally:
        for s in servers:
            s.stop()
        shutil.rmtree(work)


def run(args, work, servers):
    pki = work / "pki"
    pki.mkdir()
    certificates(pki)
    ours, cli, home = runner(args.home, work, "nbd-runner")
    servers.append(ours)
    cli("dummy", "create", "memory", "size", "1G", "prealloc")
    cli("dummy", "create", "sparse", "size", "4G")
    cli("file", "create", "disk", "size", "1G")

    data = work / "disk"
    subprocess.run(["dd", "if=/dev/urandom", f"of={data}", "bs=1M", "count=1024"], check=True, capture_output=True)
    subprocess.run(["nbdcopy", str(data), f"nbd://127.0.0.1:{ours.port}/file/disk"], check=True)

    def peer(name, command, tls=None):
        port = free_port()
        s = Server(name, [w.replace("PORT", str(port)) for w in command], port, tls=tls)
        servers.append(s)
        return s

    nbdkit = ["nbdkit", "-f", "-i", "127.0.0.1", "-p", "PORT"]
    memory = peer("nbdkit memory", [*nbdkit, "memory", "1G"])
    sparse = peer("nbdkit memory", [*nbdkit, "memory", "4G"])
    file_kit = peer("nbdkit file", [*nbdkit, "file", str(data)])
    file_copy = work / "disk2"
    shutil.copy(data, file_copy)
    file_qemu = peer("qemu-nbd", ["qemu-nbd", "-t", "-b", "127.0.0.1", "-p", "PORT", "-f", "raw", "-e", "16", "--cache=writeback", str(file_copy)])

    random = [(f"4k {d} depth {depth} conn {jobs}", [f"--rw={d}", "--bs=4k", f"--iodepth={depth}", f"--numjobs={jobs}"])
              for d in ("randread", "randwrite") for depth in (1, 32, 128) for jobs in (1, 4)]
    mixed = [("4k 70/30 depth 32 conn 4", ["--rw=randrw", "--rwmixread=70", "--bs=4k", "--iodepth=32", "--numjobs=4"])]
    sequential = [(f"{bs} {d} depth 8", [f"--rw={d}", f"--bs={bs}", "--iodepth=8"]) for bs in ("256k", "1M") for d in ("read", "write")]
    common = random + mixed + sequential

    measure("memory", [Shared("nbd-runner", ours, "dummy/memory"), memory], common, args.rounds, args.seconds, args.only)
    measure("file", [Shared("nbd-runner", ours, "file/disk"), file_kit, file_qemu], common, args.rounds, args.seconds, args.only)
    measure("sparse 4 GiB, nbdcopy (req/s: copies)", [Shared("nbd-runner", ours, "dummy/sparse"), sparse],
            [("out", lambda s: copy(s, s.uri(), "null:"))], args.rounds, args.seconds, args.only)

    if any(re.search(args.only, f"TLS {name}") for name, _ in common):
        secure, secure_cli, _ = runner(args.home, work, "nbd-runner TLS", tls=str(pki))
        servers.append(secure)
        secure_cli("dummy", "create", "memory", "size", "1G", "prealloc")
        memory_tls = peer("nbdkit memory TLS", [*nbdkit, "--tls=require", f"--tls-certificates={pki}", "memory", "1G"], tls=str(pki))
        measure("TLS", [Shared("nbd-runner TLS", secure, "dummy/memory"), memory_tls], common, args.rounds, args.seconds, args.only)


if __name__ == "__main__":
    main()
