#!/bin/sh
# compare_oracles.sh SEED_COUNT [FIRST_SEED]: whole exports and tallies of both oracles over random streams,
# each once under the system's zones and once with other zones in force for its second half; and over random files of text.
# ORACLE and ORACLE_STREAM name the built programs (default: those in PATH); EVENTS the events a stream (default 700).
set -eu
count=$1
first=${2:-1}
events=${EVENTS:-700}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Other rules: each zone under the name of the next.
mkdir "$work/zones"
previous=UTC
for zone in Asia/Kolkata Asia/Kathmandu Europe/Berlin America/New_York America/Los_Angeles Pacific/Auckland Australia/Lord_Howe \
  America/St_Johns Antarctica/Casey Africa/Cairo Pacific/Apia Africa/Monrovia; do
  mkdir -p "$work/zones/${zone%/*}"
  cp "/usr/share/zoneinfo/$previous" "$work/zones/$zone"
  previous=$zone
done
cp /usr/share/zoneinfo/UTC "$work/zones/UTC"

failed=0
compare() { # label, then the arguments of both
  label=$1
  shift
  "${ORACLE:-oracle}" "$@" >"$work/cpp" 2>"$work/cpp.tallies" || cat "$work/cpp.tallies"
  python3 "$here/oracle.py" "$@" >"$work/py" 2>"$work/py.tallies" || tail -n 3 "$work/py.tallies"
  if ! cmp -s "$work/cpp" "$work/py" || ! cmp -s "$work/cpp.tallies" "$work/py.tallies" || [ ! -s "$work/cpp.tallies" ]; then
    echo "$label differs (C++ <, Python >)"
    diff "$work/cpp.tallies" "$work/py.tallies" | head -n 4 || true
    diff "$work/cpp" "$work/py" | head -n 6 || true
    failed=$((failed + 1))
  fi
}

seed=$first
while [ "$seed" -lt $((first + count)) ]; do
  rm -rf "$work/s"
  "${ORACLE_STREAM:-oracle_stream}" "$seed" "$work/s" "$events"
  compare "seed $seed" "$work/s/plan.yaml" "$work/s/events.jsonl"
  half=$(($(wc -l <"$work/s/events.jsonl") / 2))
  head -n "$half" "$work/s/events.jsonl" | gzip -1 >"$work/s/1.jsonl.gz"
  tail -n "+$((half + 1))" "$work/s/events.jsonl" | zstd -q >"$work/s/2.jsonl.zst"
  compare "seed $seed with other zones" "$work/s/plan.yaml" "$work/s/1.jsonl.gz" --zoneinfo "$work/zones" "$work/s/2.jsonl.zst"
  rm -rf "$work/t"
  "${ORACLE_STREAM:-oracle_stream}" files "$seed" "$work/t"
  compare "files of seed $seed" "$work/t/plan.yaml" "$work/t"/f*
  compare "whole files of seed $seed" "$work/t/plan.yaml" --complete "$work/t"/f*
  seed=$((seed + 1))
done
echo "$count seeds from $first compared, $failed exports differ"
[ "$failed" -eq 0 ]
