"""Rows of the comparison: whole runs beside stable-diffusion.cpp, on the very same files."""

import json
import os
import re
import subprocess
import sys
import time

import sdcpp
from table import in_turn, median, megabytes, seconds

HERE = sdcpp.ROOT / "bench"
PROMPT, NEGATIVE = "a red circle moves from left to right", "blurry, static"
GUIDANCE, SHIFT = 5, 3
TRANSFORMER, TEXT, VAE = "wan2.1_t2v_1.3B-Q8_0.gguf", "umt5-xxl-encoder-Q8_0.gguf", "wan_2.1_vae.safetensors"


def measure(run, table, options):
    if run.isa != options.isa[-1]:
        return  # Its program cannot be kept from the instructions that it was built with.
    program, files = sdcpp.program(), model_files(run, options)
    side, frames, steps = (64, 5, 1) if options.quick else (256, 9, 2)
    ours, theirs = in_turn(options.rounds, lambda: engine(run, files, side, frames, steps),
                           lambda: beside(run, program, files, side, frames, steps))
    name = f"Wan 2.1 1.3B in Q8_0, {side}×{side}×{frames}, {steps} steps, beside stable-diffusion.cpp"
    ours_wall, theirs_wall = (median(side, lambda r: r["wall"]) for side in (ours, theirs))
    table.add(name, told(ours), told(theirs), ours_wall / theirs_wall, run.target("peer"))
    ours_peak, theirs_peak = (median(side, lambda r: r["peak"]) for side in (ours, theirs))
    table.add("its peak memory, beside the same", megabytes(ours_peak), megabytes(theirs_peak), ours_peak / theirs_peak,
              run.target("peer memory"))


def model_files(run, options):
    """The files, written at the first call; they are the same for --quick."""
    folder = sdcpp.ROOT / ".build/bench-models/peer"
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([run.python, "-B", HERE / "peer_models.py", folder], check=True)
        sdcpp.tokenizer(folder / "tokenizer.json")
        (folder / "done").touch()
    return folder


def engine(run, files, side, frames, steps):
    return watched(
        [run.binary, PROMPT, "--negative-prompt", NEGATIVE, "--transformer", files / TRANSFORMER,
         "--text-encoder", files / TEXT, "--vae", files / VAE,
         "--tokenizer", files / "tokenizer.json", "--width", side, "--height", side, "--frames", frames,
         "--steps", steps, "--guidance", GUIDANCE, "--scheduler", "euler", "--flow-shift", SHIFT, "--seed", 7,
         "--threads", run.threads, "--output", run.scratch / "out.mp4", "--json", "--quiet"],
        run, lambda words: json.loads(words.splitlines()[-1])["stage_seconds"])


def beside(run, program, files, side, frames, steps):
    return watched(
        [program, "-M", "vid_gen", "--diffusion-model", files / TRANSFORMER,
         "--t5xxl", files / TEXT, "--vae", files / VAE, "-p", PROMPT, "-n", NEGATIVE,
         "-W", side, "-H", side, "--video-frames", frames, "--fps", 16, "--steps", steps, "--cfg-scale", GUIDANCE,
         "--sampling-method", "euler", "--flow-shift", SHIFT, "--seed", 7, "--threads", run.threads, "--diffusion-fa",
         "--output", run.scratch / "out.avi"],
        run, their_stages)


def their_stages(words):
    """The seconds that it tells of, under our names."""
    names = dict(tensors="load", get_learned_condition="text", sampling="denoise", decode_first_stage="decode")
    found = re.findall(r"(\w+) completed, taking ([\d.]+)s", words)
    return {names[name]: float(value) for name, value in found if name in names}


def watched(command, run, stages):
    """Runs a program to its end: seconds, the most memory that it held, and what it tells of its stages."""
    begin = time.perf_counter()
    with subprocess.Popen([str(word) for word in command], env=run.environment, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as process:
        words = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begin
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nended with {process.returncode}:\n{words[-2000:]}")
    return dict(wall=wall, peak=usage.ru_maxrss * 1024, stages=stages(words))


def told(results):
    """The median of the runs, and what they told of their stages."""
    stages = ", ".join(
        f"{name} {median(results, lambda r: r['stages'].get(name, 0)):.1f} s" for name in results[0]["stages"])
    return f"{seconds(median(results, lambda r: r['wall']))} ({stages})"
