#!/usr/bin/env bash
# Checks and measures the CUDA backend on a machine with a GPU that has neither Swift nor FFmpeg.
#
# Here:
#     make gpu-bench                      the program and all it reads, in .build/gpu-bench (18 MB)
# Copy that folder to the machine with the GPU. There, in the folder that holds it, each line within ten minutes:
#     gpu-bench/run.sh --on-device OUT1 checks kernels
#     gpu-bench/run.sh --on-device OUT2 sanitizer
#     gpu-bench/run.sh --on-device OUT3 models torch
#     gpu-bench/run.sh --on-device OUT4 steps
# or everything at once, as long as it takes: gpu-bench/run.sh --on-device OUT
# OUT gets JSON, log.txt and report.md, at most eight files a line. Bring them back, and make one table of all:
#     bench/gpu/report.py OUT1 OUT2 OUT3 OUT4 >bench/results/DATE-CARD.md
# A stage that fails is told and the rest goes on; the exit status is 1 then.
#
# Stages:
#     checks     facts of the card, every operation against float64, the goldens of every model variant
#     kernels    attention, products and convolution at the models' shapes
#     models     seconds per step and stage of whole clips, random weights
#     sanitizer  the quick operations under compute-sanitizer, memcheck and racecheck
#     torch      PyTorch's best on the same kernels
#     steps      PyTorch's step: Diffusers' transformer where it is installed, else a stack of the same blocks
# GPU_BENCH_PYTHON names a Python that has PyTorch; LIMIT_SECONDS (default 540) ends a stage that takes longer.
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

failed=()

# Runs a command with the stage's limit; what it prints is shown and kept.
stage() {
  local name="$1" log="$2"
  shift 2
  echo "== $name"
  local begin=$SECONDS
  timeout -k 10 "$limit" "$@" 2>&1 | tee -a "$out/$log"
  local status="${PIPESTATUS[0]}"
  [ "$status" = 0 ] || { failed+=("$name"); echo "== $name ended with $status"; }
  echo "== $name: $((SECONDS - begin)) s"
}

# As `stage`, for a script whose standard output is the result: it lands in NAME.json only when it is whole.
script() {
  local name="$1"
  shift
  echo "== $name"
  local begin=$SECONDS
  if timeout -k 10 "$limit" "$@" >"$out/$name.json.part" 2> >(tee -a "$out/log.txt" >&2); then
    mv "$out/$name.json.part" "$out/$name.json"
  else
    failed+=("$name")
    echo "== $name failed"
  fi
  rm -f "$out/$name.json.part"
  echo "== $name: $((SECONDS - begin)) s"
}

sanitizer() {
  local tool="" candidate
  for candidate in compute-sanitizer /usr/local/cuda/bin/compute-sanitizer; do
    if command -v "$candidate" >/dev/null; then tool="$candidate"; break; fi
  done
  [ -n "$tool" ] || { echo "== no compute-sanitizer here"; return; }
  # Compiled before, and outside the tool.
  local quick=("$program" ops --quick --random 1 --cache "$cache")
  stage "operations before" log.txt "${quick[@]}"
  local check limit=$((limit / 2))
  for check in memcheck racecheck; do
    stage "$check" "$check.txt" "$tool" --tool "$check" --error-exitcode 9 "${quick[@]}"
  done
}

# Clocks under load would need a setting; what they are is noted before and after.
clocks() {
  command -v nvidia-smi >/dev/null || return 0
  nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem,clocks.max.sm,power.limit,temperature.gpu \
    --format=csv,noheader | sed "s/^/$1: /" >>"$out/clocks.txt"
}

on_device() {
  [ $# -ge 1 ] || { usage >&2; exit 2; }
  mkdir -p "$1"
  out="$(cd "$1" && pwd)"
  shift
  program="$here/gpu-bench"
  python="${GPU_BENCH_PYTHON:-python3}"
  limit="${LIMIT_SECONDS:-540}"
  cache="$here/cache"
  mkdir -p "$cache" && chmod 700 "$cache"
  local wanted=("${stages[@]}") name
  [ $# = 0 ] || wanted=("$@")
  for name in "${wanted[@]}"; do
    [[ " ${stages[*]} " == *" $name "* ]] || { echo "no stage $name: ${stages[*]}" >&2; exit 2; }
  done
  clocks "before ${wanted[*]}"
  for name in "${wanted[@]}"; do
    case "$name" in
      checks)
        stage facts log.txt "$program" facts --out "$out"
        stage ops log.txt "$program" ops --out "$out" --cache "$cache"
        stage goldens log.txt "$program" goldens "$here/fixtures" --out "$out" --cache "$cache"
        ;;
      kernels) stage kernels log.txt "$program" kernels "$here/shapes.json" --out "$out" --cache "$cache" ;;
      models)
        stage models log.txt "$program" models "$here/fixtures/real-shapes.json" \
          "$here/fixtures/wan21-t2v/model/tokenizer" --out "$out" --cache "$cache"
        ;;
      sanitizer) sanitizer ;;
      torch) script torch_kernels "$python" -B "$here/torch_kernels.py" ;;
      steps) script torch_steps "$python" -B "$here/torch_steps.py" ;;
    esac
  done
  clocks "after ${wanted[*]}"
  python3 -B "$here/report.py" "$out" \
    --command "bench/gpu/run.sh --on-device OUT ${wanted[*]}, commit $(cat "$here/commit.txt" 2>/dev/null || echo unknown)" \
    >"$out/report.md" || failed+=(report)
  cat "$out/report.md"
  [ ${#failed[@]} = 0 ] || { echo "failed: ${failed[*]}" >&2; exit 1; }
}

case "${1:-}" in
  --collect) collect ;;
  --on-device) shift; on_device "$@" ;;
  "") make -C "$here/../.." gpu-bench ;;
  *) usage; [ "$1" = --help ] || exit 2 ;;
esac
