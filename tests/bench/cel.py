"""The CEL engine beside native C and beside three engines from npm, on the same conditions and facts, in
rounds of one run: each round measures all of them. Called by scripts/bench.

Fails where a goal is missed, where an evaluation allocates, or where somebody's answers differ. Without the
npm packages (no network) it says so and compares with native C alone."""
import argparse
import filecmp
import json
import os
import shutil
import statistics
import subprocess
import sys

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cel")


def install_peers():
    """None, or why there are no peers."""
    lock, done = os.path.join(HERE, "package-lock.json"), os.path.join(HERE, "node_modules", ".lock")
    if os.path.exists(done) and filecmp.cmp(lock, done, shallow=False):
        return None
    try:
        r = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"], cwd=HERE,
                           capture_output=True, text=True)
    except OSError as e:
        return str(e)
    if r.returncode != 0:
        return "npm ci failed, " + (r.stderr.strip().splitlines() or ["without a word"])[0]
    shutil.copyfile(lock, done)
    return None


def lines_of(command):
    r = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    return r.returncode, [json.loads(line) for line in r.stdout.splitlines()]


def median(rows, key):
    return statistics.median(r[key] for r in rows)


def summary(ours, peers):
    """One entry per case; an engine that cannot run it has an error instead of a time."""
    cases = []
    for case in dict.fromkeys(r["case"] for r in ours):
        mine = [r for r in ours if r["case"] == case]
        entry = {"case": case, "ns": median(mine, "ns"), "goal_ns": mine[0]["goal_ns"], "native_ns": median(mine, "native_ns"),
                 "ratio": median(mine, "ratio"), "peers": {}}
        for engine in dict.fromkeys(r["engine"] for r in peers if r["case"] == case):
            theirs = [r for r in peers if (r["case"], r["engine"]) == (case, engine)]
            errors = [r["error"] for r in theirs if "error" in r]
            entry["peers"][engine] = {"error": errors[0]} if errors else {
                "ns": median(theirs, "ns"), "times_slower": median(theirs, "ns") / entry["ns"],
                "agrees": all(r["true"] == mine[0]["true"] for r in theirs)}
        cases.append(entry)
    return cases


def report(cases, why_no_peers):
    for c in cases:
        met = "met" if c["ns"] <= c["goal_ns"] else "MISSED"
        native = f"   native {c['native_ns']:5.1f} ns, ratio {c['ratio']:.1f}" if c["native_ns"] else ""
        print(f"{c['case']:24} {c['ns']:8.1f} ns   goal {c['goal_ns']:3} ns {met}{native}")
        for engine, p in c["peers"].items():
            if "error" in p:
                print(f"  {engine:22} cannot: {p['error']}")
            else:
                print(f"  {engine:22} {p['ns']:8.1f} ns   {p['times_slower']:.0f} times as long"
                      + ("" if p["agrees"] else ", DISAGREES"))
    if why_no_peers:
        print(f"not compared with cel-js and @bufbuild/cel: {why_no_peers}")


def main():
    p = argparse.ArgumentParser(prog="cel.py", description=__doc__)
    p.add_argument("--quick", action="store_true", help="2 rounds instead of 5")
    p.add_argument("--json", metavar="FILE")
    p.add_argument("program", help="cel_bench")
    args = p.parse_args()
    why_no_peers = install_peers()
    ours, peers, failed = [], [], False
    for _ in range(2 if args.quick else 5):
        status, rows = lines_of([args.program, "--quick", "--json"])
        ours += rows
        # A goal is judged by the median of the rounds; anything else that fails shows in the rows.
        failed |= status > 1 or not rows or any(r["allocates"] or not r["agrees"] for r in rows)
        if why_no_peers is None:
            status, rows = lines_of(["node", os.path.join(HERE, "peers.mjs"), "--quick"])
            peers += rows
            failed |= status != 0 or not rows
    cases = summary(ours, peers)
    failed |= not all(p.get("agrees", True) for c in cases for p in c["peers"].values())
    report(cases, why_no_peers)
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"cases": cases, "no_peers": why_no_peers}, f, indent=1)
    sys.exit(failed or any(c["ns"] > c["goal_ns"] for c in cases))


if __name__ == "__main__":
    main()
