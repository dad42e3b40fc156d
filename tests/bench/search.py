"""How fast `countersign audit search` finds: a log of N records is made, indexed and asked. Called by scripts/bench."""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

# What is asked, and the most it may take in seconds of processor time: what an auditor at a prompt does not wait for.
QUERIES = [
    ("a person within four days", ["--person", "ana", "--since", "{from}", "--until", "{to}"], 0.1),
    ("a guardrail", ["--guardrail", "bulk-write"], 0.1),
    ("an outcome", ["--outcome", "rejected"], 0.1),
    ("a resource, newest", ["--resource", "billing"], 0.1),
    ("one word", ["--text", "lost"], 1.0),
    ("several words and a guardrail", ["--text", "orders lost", "--guardrail", "bulk-write"], 1.0),
]
ROUNDS = 5


def run(command):
    """Wall and processor seconds, output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def ask(args, query):
    return [args.countersign, "audit", "search", "--log", args.log, "--json", *query]


def main():
    p = argparse.ArgumentParser(prog="search", description=__doc__)
    p.add_argument("--records", type=int, default=1_000_000)
    p.add_argument("--json", metavar="FILE")
    p.add_argument("countersign")
    p.add_argument("log_make")
    p.add_argument("log", help="a directory; where it holds a log already, that is asked")
    args = p.parse_args()
    result = {"records": args.records, "queries": []}
    if not os.path.isdir(args.log):
        os.mkdir(args.log, 0o700)
        run([args.log_make, args.log, str(args.records)])
    wall, cpu, out = run(ask(args, ["--rebuild", "--limit", "1"]))
    newest = json.loads(out)["records"][0]["time"]
    result["index_seconds"] = cpu
    print(f"{args.records} records; the index took {cpu:.1f} s of processor time ({args.records / cpu:.0f} records/s), {wall:.1f} s in all")
    day = newest[:10]
    values = {"from": time.strftime("%Y-%m-%d", time.gmtime(time.mktime(time.strptime(day, "%Y-%m-%d")) - 6 * 86400)),
              "to": time.strftime("%Y-%m-%d", time.gmtime(time.mktime(time.strptime(day, "%Y-%m-%d")) - 2 * 86400))}
    slow = []
    for name, query, most in QUERIES:
        rounds = [run(ask(args, [q.format(**values) for q in query])) for _ in range(ROUNDS)]
        cpu, wall = statistics.median(r[1] for r in rounds), statistics.median(r[0] for r in rounds)
        found = len(json.loads(rounds[0][2])["records"])
        result["queries"].append({"name": name, "cpu_s": cpu, "wall_s": wall, "found": found, "goal_s": most})
        print(f"{name:30} {cpu * 1000:8.0f} ms of processor time, {wall * 1000:8.0f} ms in all, {found} shown (goal {most * 1000:.0f} ms)")
        if cpu > most or found == 0:
            slow.append(name)
    if args.json:
        with open(args.json, "w") as f:
            json.dump(result, f, indent=1)
    if slow:
        sys.exit(f"search: too slow, or nothing found: {', '.join(slow)}")


if __name__ == "__main__":
    main()
