#!/usr/bin/env bash
# tests/bench/cel.sh [--quick]
#
# The CEL engine: ns per evaluation beside native C in interleaved slices (cel_bench), then the same
# conditions over the same facts by three engines from npm. Fails where a goal is missed, where an
# evaluation allocates, or where native code disagrees. Needs build/ and node.
set -euo pipefail
cd "$(dirname "$0")/../.."
quick=()
[ "${1:-}" != --quick ] || quick=(--quick)
peers=tests/bench/cel
if ! cmp -s "$peers/package-lock.json" "$peers/node_modules/.lock"; then
    (cd "$peers" && npm ci --no-audit --no-fund --loglevel=error >&2)
    cp "$peers/package-lock.json" "$peers/node_modules/.lock"
fi
build/tests/bench/cel_bench "${quick[@]}"
node "$peers/peers.mjs" "${quick[@]}"
