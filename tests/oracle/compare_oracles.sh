#!/bin/sh
# compare_oracles.sh SEED_COUNT [FIRST_SEED]: whole exports and tallies of both oracles over random streams.
# ORACLE and ORACLE_STREAM name the built programs (default: those in PATH); EVENTS the events a stream (default 700).
set -eu
count=$1
first=${2:-1}
events=${EVENTS:-700}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
seed=$first
failed=0
while [ "$seed" -lt $((first + count)) ]; do
  rm -rf "$work/s"
  "${ORACLE_STREAM:-oracle_stream}" "$seed" "$work/s" "$events"
  "${ORACLE:-oracle}" "$work/s/plan.yaml" "$work/s/events.jsonl" >"$work/cpp" 2>"$work/cpp.tallies" || cat "$work/cpp.tallies"
  python3 "$here/oracle.py" "$work/s/plan.yaml" "$work/s/events.jsonl" >"$work/py" 2>"$work/py.tallies" || tail -n 3 "$work/py.tallies"
  if ! cmp -s "$work/cpp" "$work/py" || ! cmp -s "$work/cpp.tallies" "$work/py.tallies" || [ ! -s "$work/cpp" ]; then
    echo "seed $seed differs (first lines: C++ <, Python >)"
    diff "$work/cpp.tallies" "$work/py.tallies" | head -n 4 || true
    diff "$work/cpp" "$work/py" | head -n 6 || true
    failed=$((failed + 1))
  fi
  seed=$((seed + 1))
done
echo "$count seeds from $first compared, $failed differ"
[ "$failed" -eq 0 ]
