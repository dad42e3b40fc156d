"""Runs pgbench through several targets in turn and compares what each costs. Called by scripts/bench.

A target is NAME=PORT, or NAME=PORT:PID where the CPU time of process PID and all its descendants is
to be counted."""
import argparse
import glob
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time

PROTOCOLS = ["simple", "extended", "prepared"]
CLIENTS = [1, 8, 64]
TICK = os.sysconf("SC_CLK_TCK")


class Target:
    def __init__(self, text):
        self.name, rest = text.split("=", 1)
        port, _, pid = rest.partition(":")
        self.port = int(port)
        self.pid = int(pid) if pid else None

    def wait(self):
        """Until it accepts connections."""
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit(f"bench: {self.name} does not listen on port {self.port}")

    def pids(self):
        """The process and its descendants."""
        if self.pid is None:
            return []
        children = {}
        for path in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(path) as f:
                    text = f.read()
            except OSError:
                continue
            pid, after = int(text.split(" ", 1)[0]), text.rsplit(")", 1)[1].split()
            children.setdefault(int(after[1]), []).append(pid)
        found, todo = [], [self.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo += children.get(pid, [])
        return sorted(found)

    def counters(self):
        """(user, system) seconds and context switches of all its processes so far."""
        user = system = 0.0
        switches = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/stat") as f:
                after = f.read().rsplit(")", 1)[1].split()
            user += int(after[11]) / TICK
            system += int(after[12]) / TICK
            for status in glob.glob(f"/proc/{pid}/task/*/status"):
                with open(status) as f:
                    switches += sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)", f.read())))
        return user, system, switches


def pgbench(args, target, protocol, clients, seconds, log=None):
    """Transactions done, transactions per second."""
    command = [args.pgbench, "-n", "-S", "-M", protocol, "-c", str(clients), "-j", str(min(clients, 2)), "-T", str(seconds),
               "-h", "127.0.0.1", "-p", str(target.port), "-U", "app"]
    if log:
        command += ["-l", f"--log-prefix={log}", "--sampling-rate=0.2"]
    r = subprocess.run(command + ["bench"], capture_output=True, text=True)
    done = re.search(r"number of transactions actually processed: (\d+)", r.stdout)
    tps = re.search(r"tps = ([\d.]+) \(without", r.stdout)
    failed = re.search(r"number of failed transactions: (\d+)", r.stdout)
    if r.returncode != 0 or not done or (failed and failed.group(1) != "0"):
        sys.exit(f"bench: pgbench through {target.name} failed: {r.stdout}{r.stderr}")
    return int(done.group(1)), float(tps.group(1))


def latencies(prefix):
    values = []
    for path in glob.glob(f"{prefix}.*"):
        with open(path) as f:
            values += [int(line.split()[2]) for line in f]
        os.unlink(path)
    values.sort()
    return values[len(values) // 2], values[int(len(values) * 0.99)]


def measure(args, target, protocol, clients):
    pids = target.pids()
    before = target.counters()
    prefix = os.path.join(args.temp, "latency")
    done, tps = pgbench(args, target, protocol, clients, args.seconds, prefix)
    after = target.counters()
    if target.pids() != pids:
        sys.exit(f"bench: processes of {target.name} came or went: {pids} {target.pids()}")
    p50, p99 = latencies(prefix)
    user, system, switches = (a - b for a, b in zip(after, before))
    row = {"target": target.name, "protocol": protocol, "clients": clients, "tps": tps, "p50_us": p50, "p99_us": p99}
    if target.pid is not None:
        row |= {"cpu_us": (user + system) * 1e6 / done, "user_us": user * 1e6 / done, "switches": switches / done}
    return row


def syscalls(args, target, protocol, clients):
    """Syscalls per query by name, counted by strace in a pass of its own: its time is not used."""
    out = os.path.join(args.temp, "strace")
    pids = [w for pid in target.pids() for w in ("-p", str(pid))]
    tracer = subprocess.Popen(["strace", "-f", "-c", "-o", out, *pids], stderr=subprocess.PIPE, text=True)
    for _ in target.pids():
        tracer.stderr.readline()  # "Process N attached"
    done, _ = pgbench(args, target, protocol, clients, 2)
    tracer.send_signal(2)
    tracer.communicate()
    calls = {}
    with open(out) as f:
        for line in f:
            m = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
            if m and m.group(2) != "total" and int(m.group(1)) >= done / 100:
                calls[m.group(2)] = int(m.group(1)) / done
    return calls


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f}..{max(values):.2f})"


def report(rows, targets, calls):
    def of(name, protocol, clients, key):
        return [r[key] for r in rows if (r["target"], r["protocol"], r["clients"]) == (name, protocol, clients) and key in r]

    print(f"{'':10} {'':9} {'clients':>7} {'tps':>8} {'p50 us':>7} {'p99 us':>7} {'cpu us/q':>9} {'user':>6} {'switches':>8}")
    for protocol in PROTOCOLS:
        for clients in CLIENTS:
            for t in targets:
                def mid(key, digits=0):
                    values = of(t.name, protocol, clients, key)
                    return f"{statistics.median(values):.{digits}f}" if values else "-"
                if of(t.name, protocol, clients, "tps"):
                    print(f"{t.name:10} {protocol:9} {clients:7} {mid('tps'):>8} {mid('p50_us'):>7} {mid('p99_us'):>7} "
                          f"{mid('cpu_us', 1):>9} {mid('user_us', 1):>6} {mid('switches', 2):>8}")
    for name, c in calls.items():
        print(f"\nsyscalls per query, {name}: " + ", ".join(f"{k} {v:.2f}" for k, v in sorted(c.items(), key=lambda x: -x[1])))

    ratios = {}
    base = {(r["round"], r["protocol"], r["clients"]): r for r in rows if r["target"] == "pgbouncer"}
    if not base:
        return ratios
    print("\nratio to PgBouncer in the same round: median (lowest..highest)")
    print(f"{'':10} {'':9} {'clients':>7} {'CPU per query':>22} {'throughput':>22} {'p99':>22}")
    for t in targets:
        if t.name == "pgbouncer":
            continue
        pairs = [(r, base[(r["round"], r["protocol"], r["clients"])]) for r in rows if r["target"] == t.name]
        cells = [(p, c) for p in PROTOCOLS for c in CLIENTS] + [("all", 0)]
        for protocol, clients in cells:
            chosen = [(a, b) for a, b in pairs if protocol == "all" or (a["protocol"], a["clients"]) == (protocol, clients)]
            if not chosen:
                continue
            entry = {k: [a[k] / b[k] for a, b in chosen] for k in ("cpu_us", "tps", "p99_us") if all(k in a for a, _ in chosen)}
            cpu = spread(entry["cpu_us"]) if "cpu_us" in entry else "-"
            print(f"{t.name:10} {protocol:9} {clients or '':>7} {cpu:>22} {spread(entry['tps']):>22} {spread(entry['p99_us']):>22}")
            ratios.setdefault(t.name, {})[f"{protocol}/{clients}" if clients else "all"] = {
                k: {"median": statistics.median(v), "low": min(v), "high": max(v)} for k, v in entry.items()}
    return ratios


def main():
    p = argparse.ArgumentParser(prog="bench", description=__doc__)
    p.add_argument("--quick", action="store_true", help="2 rounds of 2 seconds instead of 5 of 4")
    p.add_argument("--json", metavar="FILE", help="write every measurement and the ratios there")
    p.add_argument("--rounds", type=int)
    p.add_argument("--seconds", type=int)
    p.add_argument("--targets", help="only these, by name")
    p.add_argument("--pgbench", required=True, help=argparse.SUPPRESS)
    p.add_argument("--temp", required=True, help=argparse.SUPPRESS)
    p.add_argument("all_targets", nargs="+", type=Target, help=argparse.SUPPRESS)
    args = p.parse_args()
    args.rounds = args.rounds or (2 if args.quick else 5)
    args.seconds = args.seconds or (2 if args.quick else 4)
    targets = [t for t in args.all_targets if not args.targets or t.name in args.targets.split(",")]
    for t in targets:
        t.wait()
        pgbench(args, t, "prepared", 8, 1)

    rows = []
    for number in range(args.rounds):
        for protocol in PROTOCOLS:
            for clients in CLIENTS:
                # Every round starts with another target: none always runs on the warmest machine.
                turn = targets[number % len(targets):] + targets[:number % len(targets)]
                rows += [measure(args, t, protocol, clients) | {"round": number} for t in turn]
        print(f"round {number + 1} of {args.rounds} done", file=sys.stderr)
    calls = {f"{t.name}, {protocol}, 8 clients": syscalls(args, t, protocol, 8)
             for t in targets if t.pid is not None for protocol in ("simple", "prepared")}
    ratios = report(rows, targets, calls)
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"rows": rows, "syscalls": calls, "ratios": ratios}, f, indent=1)


if __name__ == "__main__":
    main()
