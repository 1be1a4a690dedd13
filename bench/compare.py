#!/usr/bin/env python3
"""wan-infer beside Diffusers and stable-diffusion.cpp on this machine: runs in turn (A B A B …), medians, a table.

    bench/compare.py [--quick] [--rounds 3] [--only whole,dit,vae,start,…] [--isa avx2,any] [--threads N]
                     [--save] [--python PYTHON]

Rows: start, whole, dit, vae; cog-step, cog-vae (CogVideoX); clip, encode (pictures); factorized (minutes a run).
By name alone: offload (blocks that take turns), peer (stable-diffusion.cpp, built at the first call, and 8 GB of files).
Needs the release build. PYTHON has what requirements.txt names; without it a virtual environment is made in .build.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

import cogvideox
import factorized
import offload
import peer
import pictures
import sdcpp
from table import Table, in_turn, median, megabytes, seconds

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
PROMPT = "a red circle moves from left to right"
# How both sides are kept from newer instructions; PyTorch multiplies with oneDNN and with MKL.
LIMITS = {
    "avx2": {"WAN_INFER_MAX_ISA": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2",
             "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "any": {},
}
# What each row must reach: with AVX2, and with all that the processor has.
TARGETS = {
    "whole": {"avx2": 0.12, "any": 0.2},
    "DiT f32": {"avx2": 0.82, "any": 0.95},
    "DiT bf16": {"avx2": 0.75, "any": 0.75},
    "VAE f32": {"avx2": 0.65, "any": 0.9},
    "VAE bf16": {"avx2": 0.65, "any": 0.45},
    "memory f32": {"avx2": 0.52, "any": 0.52},
    "memory bf16": {"avx2": 0.36, "any": 0.36},
    "CogVideoX step": {"avx2": 0.85, "any": 0.6},
    "CogVideoX VAE": {"avx2": 0.7, "any": 0.6},
    "CogVideoX memory": {"avx2": 0.4, "any": 0.4},
    "CLIP": {"avx2": 0.8, "any": 0.8},
    "VAE encode": {"avx2": 0.8, "any": 0.8},
    "factorized": {"avx2": 0.5, "any": 0.5},
    "offload": {"avx2": 1.15, "any": 1.15},
    "peer": {"avx2": 0.5, "any": 0.5},
    "peer memory": {"avx2": 0.7, "any": 0.7},
}


class Runner:
    """Starts both sides in processes of their own."""

    def __init__(self, options, scratch, isa):
        self.binary, self.python, self.threads = options.binary, options.python, options.threads
        self.scratch, self.isa = scratch, isa
        self.environment = os.environ | {"OMP_NUM_THREADS": str(self.threads), "HF_HUB_OFFLINE": "1"} | LIMITS[isa]

    def target(self, row):
        return TARGETS[row][self.isa]

    def engine(self, *arguments, model=None):
        """One run of wan-infer: what --json says, and `wall` seconds from start to end of the process."""
        command = [self.binary, PROMPT, "--json", "--quiet", "--seed", "7", "--threads", self.threads,
                   "--output", self.scratch / "out.mp4", *(["--model", model] if model else []), *arguments]
        return self.run(command)

    def flops(self, stage, *arguments, model):
        """Floating-point operations of a stage, as wan-infer foretells them."""
        command = [self.binary, "plan", PROMPT, "--json", "--model", model, *arguments]
        return self.run(command)["stages"][stage]["flops"]

    def reference(self, job, **arguments):
        """One job of reference.py: its answer, and `wall` seconds."""
        return self.run([self.python, "-B", HERE / "reference.py", job, json.dumps(arguments, default=str)])

    def run(self, command):
        begin = time.perf_counter()
        done = subprocess.run([str(word) for word in command], env=self.environment, text=True, capture_output=True)
        wall = time.perf_counter() - begin
        if done.returncode != 0:
            sys.exit(f"{shlex.join(map(str, command))}\nended with {done.returncode}:\n{done.stderr[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1]) | dict(wall=wall)

    def first_step(self):
        """Seconds from the start of the process to the end of the built-in model's first step."""
        command = [self.binary, PROMPT, "--verbose", "--threads", str(self.threads), "--output",
                   str(self.scratch / "out.mp4")]
        begin = time.perf_counter()
        with subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              text=True) as process:
            seconds = None
            for line in process.stderr:
                if seconds is None and " denoise  1/" in line:
                    seconds = time.perf_counter() - begin
        if seconds is None or process.returncode != 0:
            sys.exit("wan-infer --verbose has not told of its first step")
        return seconds

    def idle_bytes(self):
        """The peak of a process that has its libraries loaded and next to nothing to do.

        Diffusers' peaks count from behind its imports in the same way."""
        return self.engine("--width", 16, "--height", 16, "--frames", 1, "--steps", 1)["peak_memory_bytes"]

    def start_up(self):
        """Seconds that --help takes."""
        begin = time.perf_counter()
        subprocess.run([self.binary, "--help"], stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - begin


def tokens(latents):
    return latents[1] * (latents[2] // 2) * (latents[3] // 2)


def transformer_flops(config, latents, text_rows):
    """One forward pass, as in the papers: two for a multiplication and its addition."""
    width = config["num_attention_heads"] * config["attention_head_dim"]
    rows, inner = tokens(latents), config["ffn_dim"]
    linear = 12 * rows * width**2 + 4 * text_rows * width**2 + 4 * rows * width * inner
    return config["num_layers"] * (linear + 4 * rows**2 * width + 4 * rows * text_rows * width)


def decoder_flops(config, latents):
    """Wan 2.1's decoder: the first latent frame gives one frame, each later one as many as the strides say."""
    z, frames, height, width = latents
    dims = [config["base_dim"] * factor for factor in config["dim_mult"][-1:] + config["dim_mult"][::-1]]
    total = 0

    def convolution(channels_in, channels_out, kernel, frames):
        nonlocal total
        total += 2 * channels_in * channels_out * kernel * frames * height * width

    def residual(channels_in, channels_out):
        convolution(channels_in, channels_out, 27, frames)
        convolution(channels_out, channels_out, 27, frames)
        if channels_in != channels_out:
            convolution(channels_in, channels_out, 1, frames)

    convolution(z, z, 1, frames)
    convolution(z, dims[0], 27, frames)
    residual(dims[0], dims[0])
    convolution(dims[0], dims[0], 4, frames)  # Queries, keys, values and output of the attention.
    total += 4 * frames * (height * width) ** 2 * dims[0]
    residual(dims[0], dims[0])
    strides = config["temperal_downsample"][::-1] + [None]
    for index, doubles in enumerate(strides):
        channels = dims[index] // 2 if index else dims[0]
        for _ in range(config["num_res_blocks"] + 1):
            residual(channels, dims[index + 1])
            channels = dims[index + 1]
        if doubles:
            convolution(channels, 2 * channels, 3, frames - 1)
            frames = 2 * frames - 1
        if doubles is not None:
            height, width = 2 * height, 2 * width
            convolution(channels, channels // 2, 9, frames)
    convolution(dims[-1], 3, 27, frames)
    return total


def measure_start(run, table, options):
    run.start_up()
    value = statistics.median(run.start_up() for _ in range(20))
    table.add("start-up of `--help`", seconds(value), "", value, 0.020, seconds)
    value = statistics.median(run.first_step() for _ in range(options.rounds))
    table.add("built-in model, process start to first step", seconds(value), "", value, 1.0, seconds)


def measure_whole(run, table, options):
    settings = run.engine()
    rows = json.loads((ROOT / "Sources/CBuiltinModel/model/transformer/config.json").read_text()).get("text_len", 512)
    reference = dict(folder=options.models / "built-in-sizes", settings=settings | dict(text_rows=rows),
                     threads=run.threads)
    ours, theirs = in_turn(options.rounds, run.engine, lambda: run.reference("pipeline", **reference))
    ours, theirs = (median(side, lambda r: r["wall"]) for side in (ours, theirs))
    name = "built-in model, {width}×{height}×{frames}, {steps} steps".format(**settings)
    table.add(name, seconds(ours), seconds(theirs), ours / theirs, run.target("whole"))


def measure_transformer(run, table, options):
    width, height, frames = (128, 128, 13) if options.quick else (512, 512, 13)
    latents = [16, (frames - 1) // 4 + 1, height // 8, width // 8]
    text = [512, json.loads((ROOT / "Sources/CBuiltinModel/model/text_encoder/config.json").read_text())["d_model"]]
    for ours_dtype, dtype in (("f32", "float32"), ("bf16", "bfloat16")):
        folder = options.models / f"dit-{ours_dtype}"
        config = json.loads((folder / "transformer/config.json").read_text())
        flops = transformer_flops(config, latents, text[0])
        ours, theirs = in_turn(
            options.rounds,
            lambda: run.engine("--width", width, "--height", height, "--frames", frames, "--steps", 1, "--guidance", 1,
                               "--dtype", ours_dtype, model=folder),
            lambda: run.reference("transformer", folder=folder, dtype=dtype, latents=latents, text=text,
                                  threads=run.threads))
        ours = median(ours, lambda r: r["stage_seconds"]["denoise"])
        theirs = median(theirs, lambda r: r["seconds"])
        name = f"DiT step, {config['num_layers']} layers, {tokens(latents)} tokens, {ours_dtype}"
        table.add(name, seconds(ours, flops), seconds(theirs, flops), ours / theirs,
                  run.target(f"DiT {ours_dtype}"))


def measure_decoder(run, table, options):
    size = 64 if options.quick else 256
    folder = options.models / "vae"
    dumps = {dtype: run.scratch / f"{dtype}.safetensors" for dtype in ("f32", "bf16")}

    def engine(dtype, *more, frames=17):
        return run.engine("--width", size, "--height", size, "--frames", frames, "--steps", 1, "--guidance", 1,
                          "--dtype", dtype, *more, model=folder)

    latents = [16, 5, size // 8, size // 8]
    flops = decoder_flops(json.loads((folder / "vae/config.json").read_text()), latents)
    f32, bf16, theirs = in_turn(
        options.rounds, lambda: engine("f32"), lambda: engine("bf16"),
        lambda: run.reference("decode", folder=folder, latents=latents, threads=run.threads))
    yardstick = median(theirs, lambda r: r["seconds"])
    their_memory = median(theirs, lambda r: r["peak_bytes"])
    start = run.idle_bytes()
    for dtype, results in (("f32", f32), ("bf16", bf16)):
        ours = median(results, lambda r: r["stage_seconds"]["decode"])
        table.add(f"VAE decode {size}×{size}×17, {dtype} against f32", seconds(ours, flops), seconds(yardstick, flops),
                  ours / yardstick, run.target(f"VAE {dtype}"))
        memory = median(results, lambda r: r["peak_memory_bytes"]) - start
        table.add(f"VAE memory, 17 frames, {dtype} against f32", megabytes(memory), megabytes(their_memory),
                  memory / their_memory, run.target(f"memory {dtype}"))
        longer = engine(dtype, frames=33)["peak_memory_bytes"] - start
        table.add(f"VAE memory, 33 frames over 17, {dtype}", f"{megabytes(longer)} over {megabytes(memory)}", "",
                  longer / memory, 1.05)
    for dtype, file in dumps.items():
        engine(dtype, "--dump", file)
    answer = run.reference("psnr", files=list(dumps.values()))
    table.add(f"VAE frames, bf16 against f32 ({answer['inside']:.0%} of values not cut off)", "", "",
              answer["decibels"], 45, "{:.1f} dB".format, at_least=True)


def instruction_sets():
    """Those that both limits and this processor know."""
    info = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    flags = next((line.split(":")[1].split() for line in info if line.startswith("flags")), [])
    return [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]


def machine(options, run):
    """What was measured, where."""
    info = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    processor = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], text=True, capture_output=True)
    versions = run.reference("versions")
    versions.pop("wall")
    if "peer" in options.only.split(","):
        name, version = sdcpp.PACKAGE.split("==")
        versions[name] = version
    limited = ", ".join(f"{name}={value}" for name, value in LIMITS["avx2"].items())
    return "\n".join([
        f"- machine: {processor} ({', '.join(instruction_sets())}), {os.cpu_count()} processors, {memory:.0f} GB, {platform.system()}",
        f"- wan-infer: {commit.stdout.strip()}, {options.threads} threads",
        "- beside it: " + ", ".join(f"{name} {version}" for name, version in versions.items()) + ", the same threads",
        f"- instructions: {' and '.join(options.isa)}; avx2 means {limited}, on both sides",
        f"- command: `bench/compare.py {options.asked}`; medians of {options.rounds} runs in turn",
    ])


NOTES = """\
How it is measured. Every run is a process of its own. *Built-in model*: from the start of the process to its end, wan-infer
with its built-in model (factorized attention, MP4 written), Diffusers with a folder of the same sizes and random weights
(full attention, as it knows no other; float32; imports included; no MP4). *DiT step*: wan-infer's denoise stage of one step,
first touch of the mapped weights included, against one forward pass of WanTransformer3DModel after a small one to warm up.
*VAE*: wan-infer's decode stage, MP4 included, against AutoencoderKLWan.decode, on a full-size Wan 2.1 VAE with random weights.
*Memory*: the peak above that of a process before it knows its model; weights are counted on both sides. FLOPs follow from the
sizes, two for a multiplication and its addition, whatever either side does (CogVideoX, CLIP, encoder: as `wan-infer plan`
foretells them). *CogVideoX*, *CLIP* and *VAE encode* are measured likewise, CLIP and encoder as the text stage of a clip with
a tiny text encoder. *Factorized*: the second step of two, of which the first stays full; its ratio for a model of 30 layers
follows from that of the one layer that is factorized. *stable-diffusion.cpp*: whole processes on the same files, with umT5-xxl,
1.3B and the autoencoder whole, random numbers, both texts of guidance; peaks as the kernel counts them, pages of mapped files
among them. *Blocks*: the denoise stage with blocks that take turns, against the same with all in memory. Measure on an idle machine: other work holds up
PyTorch's team of threads more than ours, and every ratio looks better than it is.
"""


def virtual_environment():
    """The reference's Python, made at the first call."""
    folder = ROOT / ".build/bench-venv"
    if not (folder / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([folder / "bin/pip", "install", "-q", "-r", HERE / "requirements.txt"], check=True)
        (folder / "done").touch()
    return folder / "bin/python"


def written(value):
    """The value of an option as it was asked for; nothing for a switch."""
    return "" if value is True else f" {','.join(value)}" if isinstance(value, list) else f" {value}"


def main():
    measures = {"start": measure_start, "whole": measure_whole, "dit": measure_transformer, "vae": measure_decoder,
                "cog-step": cogvideox.measure_step, "cog-vae": cogvideox.measure_decoder, "clip": pictures.measure_tower,
                "encode": pictures.measure_encoder,
                "factorized": factorized.measure_step, "offload": offload.measure_blocks, "peer": peer.measure}
    large = ["offload", "peer"]
    models = {"whole": ["built-in-sizes"], "dit": ["dit-f32", "dit-bf16"], "vae": ["vae"], "cog-step": ["cog-dit"],
              "cog-vae": ["cog-vae"], "clip": ["clip"], "encode": ["encode"], "factorized": ["dit-factorized"],
              "offload": ["offload"]}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / ".build/release/wan-infer")
    parser.add_argument("--python", type=pathlib.Path)
    parser.add_argument("--only", default=",".join(name for name in measures if name not in large))
    # A processor that has no more than AVX2 is measured once.
    parser.add_argument("--isa", type=lambda text: text.split(","),
                        default=["avx2", "any"] if instruction_sets() != ["avx2"] else ["avx2"])
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round: shows that it works, not how fast")
    parser.add_argument("--save", action="store_true", help="write bench/results/DATE-cpu.md")
    options = parser.parse_args()
    options.asked = " ".join(
        f"--{name}{written(value)}" for name, value in vars(options).items()
        if name not in ("binary", "python") and value not in (None, False, parser.get_default(name)))
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.models = ROOT / (".build/bench-quick" if options.quick else ".build/bench-models")
    if not options.binary.exists():
        sys.exit(f"no {options.binary}: make build-release")
    options.python = options.python or virtual_environment()

    table = Table()
    with tempfile.TemporaryDirectory() as scratch:
        run = Runner(options, pathlib.Path(scratch), "any")
        run.reference("build", root=options.models, quick=options.quick,
                      names=[name for row in options.only.split(",") for name in models.get(row, [])])
        for table.isa in options.isa:
            run = Runner(options, pathlib.Path(scratch), table.isa)
            for name in options.only.split(","):
                measures[name](run, table, options)
        day = datetime.date.today().isoformat()
        title = f"# CPU, {day}" + (" (quick: tiny sizes)" if options.quick else "")
        report = "\n\n".join([title, machine(options, run), table.markdown, NOTES])
    print(report)
    if options.save:
        file = HERE / f"results/{day}-cpu.md"
        file.parent.mkdir(exist_ok=True)
        file.write_text(report)
        print(f"written to {file.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
