#!/usr/bin/env bash
# Checks and measures the CUDA backend on a machine with a GPU that has neither Swift nor FFmpeg.
#
# Here:
#     make gpu-bench                      the program and all it reads, in .build/gpu-bench (18 MB)
# Copy that folder to the machine with the GPU. There, in the folder that holds it, each line within ten minutes:
#     gpu-bench/run.sh --on-device OUT1 checks kernels
#     gpu-bench/run.sh --on-device OUT2 models torch
#     gpu-bench/run.sh --on-device OUT3 sanitizer steps
# or everything at once: DEADLINE_SECONDS=3600 gpu-bench/run.sh --on-device OUT
# OUT gets results.json, report.md and log.txt, written anew after each part. Bring them back, and make one table of all:
#     bench/gpu/report.py OUT1 OUT2 OUT3 >bench/results/DATE-CARD.md
#
# Every part is a process of its own, the simple before the risky: a kernel that hangs is ended by the program after 20
# seconds (status 3) and named, one that faults spoils its process alone, and what comes after runs on the portable
# kernels where those for sm_90a were found wrong. The exit status is 1 where something failed.
#
# Stages:
#     checks     facts of the card, every operation against float64, the goldens of every model variant
#     kernels    attention, products and convolution at the models' shapes
#     models     seconds per step and stage of whole clips, random weights
#     sanitizer  the quick operations under compute-sanitizer: memcheck, synccheck, racecheck
#     torch      PyTorch's best on the same kernels
#     steps      PyTorch's step: Diffusers' transformer where it is installed, else a stack of the same blocks
# GPU_BENCH_PYTHON names a Python that has PyTorch; DEADLINE_SECONDS (560) is what all stages together may take,
# LIMIT_SECONDS (150) what a part may. GPU_BENCH_PROGRAM is another program than the one beside this script;
# GPU_BENCH_SIMPLE, _RISKY, _KINDS and _GOLDENS are the groups of operations, kinds of kernels and goldens to take,
# GPU_BENCH_OPS further options for the risky operations (--quick --random 0).
set -uo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
stages=(checks kernels models sanitizer torch steps)

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

# The folder that goes to the machine: the program, what it reads, the scripts.
collect() {
  set -e
  local root target
  root="$(cd "$here/../.." && pwd)"
  target="$root/.build/gpu-bench"
  rm -rf "$target.part"
  mkdir -p "$target.part"
  strip -o "$target.part/gpu-bench" "$root/.build/release/gpu-bench"
  cp -r "$root/Tests/PipelinesTests/Fixtures" "$target.part/fixtures"
  cp "$here"/{run.sh,report.py,shapes.json,torch_kernels.py,torch_steps.py} "$target.part/"
  git -C "$root" describe --always --dirty >"$target.part/commit.txt" 2>/dev/null || echo unknown >"$target.part/commit.txt"
  rm -rf "$target"
  mv "$target.part" "$target"
  du -sh "$target"
}

failures=0

# NAME SECONDS COMMAND…: runs a part of a stage within SECONDS and what is left of the whole, keeps what it printed, and
# makes the report of all there is. Its status is the part's; 124 where no time was left to begin it.
part() {
  local name="$1" seconds="$2" begin=$SECONDS status=124 left=$((deadline - SECONDS))
  shift 2
  echo "== $name" | tee -a "$out/log.txt"
  : >"$parts/current.txt"
  if [ "$left" -ge 5 ]; then
    timeout -k 5 "$((seconds < left ? seconds : left))" "$@" 2>&1 | tee -a "$out/log.txt"
    status="${PIPESTATUS[0]}"
  fi
  echo "== $name: status $status after $((SECONDS - begin)) s" | tee -a "$out/log.txt"
  [ "$status" = 0 ] || tell "$name" "$status"
  report
  return "$status"
}

# NAME STATUS: notes what did not come to a good end, with what was begun last.
tell() {
  local why what
  case "$2" in
    1) why="something is wrong, see its rows" ;;
    3) why="the GPU did not answer" ;;
    124 | 137) why="it took too long, or no time was left" ;;
    *) why="status $2" ;;
  esac
  what="$(head -n 1 "$parts/current.txt")"
  echo "$1: $why${what:+; begun last: $what}" >>"$parts/failed.txt"
  failures=$((failures + 1))
}

report() {
  python3 -B "$here/report.py" "$parts" --into "$out/results.json" \
    --command "bench/gpu/run.sh --on-device OUT ${wanted[*]}, commit $(cat "$here/commit.txt" 2>/dev/null || echo unknown)" \
    >"$out/report.md.part" 2>>"$out/log.txt" && mv "$out/report.md.part" "$out/report.md"
  rm -f "$out/report.md.part"
}

# NAME SUBCOMMAND…: a part that our program does.
ours() {
  local name="$1"
  shift
  part "$name" "$limit" "$program" "$@" --out "$parts" --part "${name//[^a-z0-9]/-}" --cache "$cache" --patience "${PATIENCE_SECONDS:-20}"
}

checks() {
  local group golden
  # Compiles for all that follows; without it nothing can work.
  ours facts facts || [ $? = 1 ] || { usable=no; return; }
  for group in $simple; do ours "ops $group" ops --only "$group"; done
  for group in $risky; do ours "ops $group portable" ops "${how[@]}" --only "$group" --servers portable; done
  for group in $risky; do ours "ops $group" ops "${how[@]}" --only "$group" || servers=portable; done
  for golden in $goldens; do ours "golden $golden" goldens "$here/fixtures" --only "$golden" --servers "$servers"; done
}

kernels() {
  local kind
  for kind in $kinds; do
    ours "kernels $kind portable" kernels "$here/shapes.json" --only "$kind" --servers portable
  done
  for kind in $kinds; do
    ours "kernels $kind" kernels "$here/shapes.json" --only "$kind" --servers warpgroups
  done
  [[ $kinds != *gemm* ]] || ours "kernels of cuBLASLt" kernels "$here/shapes.json" --only ceilings,gemm
}

models() {
  local model
  for model in wan2.1-t2v-1.3b wan2.2-ti2v-5b wan2.2-t2v-a14b; do
    ours "model $model" models "$here/fixtures/real-shapes.json" "$here/fixtures/wan21-t2v/model/tokenizer" \
      --only "$model" --servers "$servers"
  done
}

sanitizer() {
  local tool="" candidate check
  for candidate in compute-sanitizer /usr/local/cuda/bin/compute-sanitizer; do
    if command -v "$candidate" >/dev/null; then tool="$candidate"; break; fi
  done
  [ -n "$tool" ] || { echo "== no compute-sanitizer here" | tee -a "$out/log.txt"; return; }
  local quick=("$program" ops --quick --random 1 --cache "$cache" --patience 120)
  # Compiled before, and outside the tool.
  part "operations before" "$limit" "${quick[@]}"
  for check in memcheck synccheck racecheck; do
    : >"$parts/current.txt"
    timeout -k 5 "$limit" "$tool" --tool "$check" --error-exitcode 9 "${quick[@]}" >"$parts/$check.txt" 2>&1
    local status=$?
    tail -n 20 "$parts/$check.txt" | tee -a "$out/log.txt"
    # A tool that refuses the machine says nothing against our kernels.
    if grep -q "SUMMARY" "$parts/$check.txt" && [ "$status" != 0 ]; then tell "$check" "$status"; fi
    report
  done
}

# Clocks under load would need a setting; what they are is noted before and after.
clocks() {
  command -v nvidia-smi >/dev/null || return 0
  nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem,clocks.max.sm,power.limit,temperature.gpu \
    --format=csv,noheader | sed "s/^/$1: /" >>"$parts/clocks.txt"
}

on_device() {
  [ $# -ge 1 ] || { usage >&2; exit 2; }
  mkdir -p "$1"
  out="$(cd "$1" && pwd)"
  shift
  program="${GPU_BENCH_PROGRAM:-$here/gpu-bench}"
  python="${GPU_BENCH_PYTHON:-python3}"
  simple="${GPU_BENCH_SIMPLE-memory elementwise norms layout}"
  risky="${GPU_BENCH_RISKY-linear convolution attention quantised}"
  read -ra how <<<"${GPU_BENCH_OPS-}"
  kinds="${GPU_BENCH_KINDS-gemm convolution attention}"
  goldens="${GPU_BENCH_GOLDENS-wan21-t2v/unipc wan21-t2v/euler-no-guidance wan22-ti2v/unipc wan22-a14b/unipc wan22-a14b/dpm++}"
  limit="${LIMIT_SECONDS:-150}"
  deadline=$((SECONDS + ${DEADLINE_SECONDS:-560}))
  servers=all usable=yes
  parts="$(mktemp -d)"
  trap 'rm -rf "$parts"' EXIT
  cache="${TMPDIR:-/tmp}/gpu-bench-cache-$(id -u)"
  mkdir -p "$cache" && chmod 700 "$cache"
  # Where PyTorch's Python is, there is an NVRTC of its version.
  export VIRTUAL_ENV="${VIRTUAL_ENV:-$("$python" -c 'import sys; print(sys.prefix)' 2>/dev/null)}"
  wanted=("${stages[@]}")
  [ $# = 0 ] || wanted=("$@")
  local name
  for name in "${wanted[@]}"; do
    [[ " ${stages[*]} " == *" $name "* ]] || { echo "no stage $name: ${stages[*]}" >&2; exit 2; }
  done
  clocks "before ${wanted[*]}"
  for name in "${wanted[@]}"; do
    case "$name" in
      torch) part torch "$((4 * limit))" "$python" -B "$here/torch_kernels.py" "$parts/torch_kernels.json" ;;
      steps) part steps "$((4 * limit))" "$python" -B "$here/torch_steps.py" "$parts/torch_steps.json" ;;
      *) [ "$usable" = no ] || "$name" ;;
    esac
  done
  clocks "after ${wanted[*]}"
  report
  cat "$out/report.md"
  [ "$failures" = 0 ] || { echo "$failures parts did not come to a good end" >&2; exit 1; }
}

case "${1:-}" in
  --collect) collect ;;
  --on-device) shift; on_device "$@" ;;
  "") make -C "$here/../.." gpu-bench ;;
  *) usage; [ "$1" = --help ] || exit 2 ;;
esac
