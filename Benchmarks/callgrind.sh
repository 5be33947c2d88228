#!/bin/bash
# Counts what a step must not do: calls that allocate or count references while `StepBatch` is filled, the model stepped and its
# answers read. Prints one line a function, and fails if any was called. Needs valgrind; it knows no AVX-512, so AVX2 is stepped.
#   Benchmarks/callgrind.sh [cell units streams] [calls]
cd "$(dirname "$0")/.." || exit 1
cell=${1:-lstm} units=${2:-64} streams=${3:-8} calls=${4:-100}
command -v valgrind >/dev/null || { echo "valgrind is needed" >&2; exit 69; }
Benchmarks/prepare >&2
counts=$(mktemp -d)
trap 'rm -rf "$counts"' EXIT
# Names are enough: valgrind does not read what else compilers write for debuggers.
objcopy --strip-debug .build-bench/release/libStepLoops.so "$counts/libStepLoops.so" || exit 1
# Only what runs inside `SwiftLoop.run` is collected.
MILLRACE_KERNELS=avx2 PYTHONPATH=Benchmarks/steps valgrind --tool=callgrind --callgrind-out-file="$counts/out" \
  --collect-atstart=no --toggle-collect='*9SwiftLoopC3run*' --compress-strings=no --compress-pos=no -q \
  /usr/bin/python3 -c "
import ours, job
loop = ours.Swift(ours.Library('$counts/libStepLoops.so'), job.Job('$cell', $units, $streams))
loop.run($calls)" || exit 1
awk -v calls="$calls" -v what="$cell $units x $streams" '
  /^fn=/ { own[substr($0, 4)] = 1 }
  /^cfn=/ { callee = substr($0, 5) }
  /^calls=/ { split(substr($1, 7), n, " "); count[callee] += n[1] }
  END {
    steps = "mr_step"; for (name in count) if (name ~ /^mr_step/) seen += count[name]
    if (seen != calls) { print "expected " calls " calls of mr_step, counted " seen + 0; exit 1 }
    print what ": " calls " steps of the batch"
    split("swift_retain swift_release swift_allocObject swift_beginAccess malloc calloc realloc free aligned_alloc posix_memalign", forbidden, " ")
    for (i = 1; i in forbidden; i++) {
      total = 0
      for (name in count) if (name ~ "^_?" forbidden[i] "(_n|@|$)" || name ~ "_" forbidden[i] "_$") total += count[name]
      print "  " forbidden[i] ": " total
      bad += total
    }
    exit bad > 0
  }' "$counts/out"
