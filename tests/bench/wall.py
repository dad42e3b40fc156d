"""What a read-only wall costs: the same pgbench scripts through one gateway, by a resource without and one with
`walls: [read_only]`, in turn. Called by scripts/bench."""
import argparse
import json
import os
import statistics
import subprocess
import sys

from bench import Target, latencies, spread

READ = "SELECT abalance FROM pgbench_accounts WHERE aid = :aid;"
WRITE = "UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;"
SCRIPTS = {
    "read": [READ],
    "write": [WRITE],
    "read, write": [READ, WRITE],
    "block of 3 reads": ["BEGIN;", READ, READ, READ, "COMMIT;"],
    "block: read, write, read": ["BEGIN;", READ, WRITE, READ, "COMMIT;"],
}
CLIENTS = 4


def run(args, target, protocol, path):
    before = target.counters()
    prefix = os.path.join(args.temp, "wall-latency")
    r = subprocess.run([args.pgbench, "-n", "-f", path, "-M", protocol, "-c", str(CLIENTS), "-j", "2", "-T", str(args.seconds),
                        "-l", f"--log-prefix={prefix}", "--sampling-rate=0.5", "-h", "127.0.0.1", "-p", str(target.port),
                        "-U", "app", "bench"], capture_output=True, text=True)
    done = [line for line in r.stdout.splitlines() if line.startswith("number of transactions actually processed")]
    if r.returncode != 0 or not done:
        sys.exit(f"bench: pgbench through {target.name} failed: {r.stdout}{r.stderr}")
    n = int(done[0].split(":")[1].split("/")[0])
    user, system, _ = (a - b for a, b in zip(target.counters(), before))
    p50, _ = latencies(prefix)
    return {"target": target.name, "protocol": protocol, "p50_us": p50, "cpu_us": (user + system) * 1e6 / n}


def main():
    p = argparse.ArgumentParser(prog="bench", description=__doc__)
    p.add_argument("--quick", action="store_true")
    p.add_argument("--json", metavar="FILE")
    p.add_argument("--pgbench", required=True)
    p.add_argument("--temp", required=True)
    p.add_argument("targets", nargs=2, type=Target, help="without, with")
    args = p.parse_args()
    rounds, args.seconds = (2, 1) if args.quick else (5, 3)
    for t in args.targets:
        t.wait()
    rows = []
    for number in range(rounds):
        for name, statements in SCRIPTS.items():
            path = os.path.join(args.temp, "wall.sql")
            with open(path, "w") as f:
                f.write("\\set aid random(1, 500000)\n" + "\n".join(statements) + "\n")
            for protocol in ("simple", "prepared"):
                turn = args.targets if number % 2 == 0 else args.targets[::-1]
                rows += [run(args, t, protocol, path) | {"script": name, "round": number} for t in turn]
    result = {}
    print("one transaction of the script, through the gateway: without a wall, with it, and the ratio of the same round: "
          "median (lowest..highest)")
    print(f"{'':26} {'':9} {'p50 us':>7} {'wall':>7} {'ratio':>20} {'cpu us':>7} {'wall':>7} {'ratio':>20}")
    for name in SCRIPTS:
        for protocol in ("simple", "prepared"):
            sides = [[r for r in rows if (r["script"], r["protocol"], r["target"]) == (name, protocol, t.name)] for t in args.targets]
            cells, entry = [], {}
            for key in ("p50_us", "cpu_us"):
                values = [[r[key] for r in sorted(side, key=lambda r: r["round"])] for side in sides]
                ratios = [b / a for a, b in zip(*values)]
                entry[key] = {"without": statistics.median(values[0]), "with": statistics.median(values[1]),
                              "ratio": statistics.median(ratios)}
                cells += [f"{statistics.median(values[0]):7.1f} {statistics.median(values[1]):7.1f} {spread(ratios):>20}"]
            print(f"{name:26} {protocol:9} {cells[0]} {cells[1]}")
            result[f"{name}/{protocol}"] = entry
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"rows": rows, "results": result}, f, indent=1)


if __name__ == "__main__":
    main()
