#!/usr/bin/env python3
"""Merges what bench/gpu/run.sh left in folders into one table in Markdown, on standard output.

    bench/gpu/report.py FOLDER... [--date YYYY-MM-DD] [--command TEXT] [--into FILE]

A folder holds results.json, or the parts that it is made of: NAME.json and NAME.PART.json of each name below. Of what is there
several times the last counts. Everything may be missing: its rows are then missing too, and the table says so. With --into
all that was found goes into one such file too.
"""

import argparse
import datetime
import json
import pathlib
import re
import sys

# Issue 3's aims for one H100: attention in TFLOP/s by head size, products against cuBLASLt, seconds by model.
ATTENTION = {128: 600, 64: 450}
PRODUCT = 0.95
STEP = {"wan2.2-ti2v-5b": 1.70, "wan2.1-t2v-1.3b": 0.95, "wan2.2-t2v-a14b": 5.2}
DECODE = {"wan2.2-ti2v-5b": 4.5, "wan2.1-t2v-1.3b": 0.8}
OUTSIDE = 0.02
TORCH_NAMES = {"wan2.2-ti2v-5b": "ti2v-5b", "wan2.1-t2v-1.3b": "t2v-1.3b", "wan2.2-t2v-a14b": "a14b"}
# Shorter key sequences are the text's: the aim is for self-attention.
LONG = 1024

NAMES = ("facts", "ops", "goldens", "kernels", "models", "torch_kernels", "torch_steps")
SANITIZERS = ("memcheck", "synccheck", "racecheck")
LOGS = ("clocks", "failed", *SANITIZERS)


class Table:
    """Rows under a heading, and how many aims were reached."""

    def __init__(self, title, head):
        self.title, self.head, self.rows = title, head, []

    def add(self, *cells):
        self.rows.append([cell if isinstance(cell, str) else "" for cell in cells])

    @property
    def markdown(self):
        if not self.rows:
            return f"## {self.title}\n\nNot measured."
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        return f"## {self.title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value, digits=2, unit=""):
    return f"{value:.{digits}f}{unit}" if isinstance(value, (int, float)) else "—"


def rate(flops, milliseconds):
    """TFLOP/s; None where there is no time."""
    return flops / milliseconds / 1e9 if milliseconds else None


def verdict(value, aim, at_least):
    if value is None:
        return "not measured"
    return "met" if (value >= aim if at_least else value <= aim) else "**missed**"


def identity(row):
    """What a row is about: what names it, or all of it but what was found."""
    found = ("ms", "flops", "by", "all")
    names = [name for name in ("model", "golden", "group") if name in row]
    names += [name for name in ("dtype", "servers") if names and name in row]
    return json.dumps({name: row[name] for name in names or row if name not in found}, sort_keys=True)


def merged(old, new):
    """Two results of one name as one: rows about the same thing are joined, times of other kernels are kept."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {name: merged(old[name], value) if name in old else value for name, value in new.items()}
    if isinstance(old, list) and isinstance(new, list) and all(isinstance(row, dict) for row in old + new):
        rows = {identity(row): row for row in old}
        for row in new:
            before = rows.get(identity(row), {})
            rows[identity(row)] = before | row | ({"ms": before["ms"] | row["ms"]} if isinstance(before.get("ms"), dict) else {})
        return list(rows.values())
    return new


def load(folders):
    """Everything that is there, by name; what cannot be read is told and left out."""
    found = {}

    def add(name, value):
        found[name] = merged(found[name], value) if name in found else value

    for folder in folders:
        for path in sorted(folder.glob("*.json")):
            try:
                value = json.loads(path.read_text())
            except ValueError as error:
                print(f"{path}: {error}", file=sys.stderr)
                continue
            if path.name == "results.json":
                for name, part in value.items():
                    add(name, part)
            elif path.name.split(".")[0] in NAMES:
                add(path.name.split(".")[0], value)
        for name in LOGS:
            path = folder / f"{name}.txt"
            if path.exists():
                found[name] = path.read_text(errors="replace")[-20000:]
    return found


def machine(found, options):
    facts = found.get("facts", {})
    kernels, torch = found.get("kernels", {}), found.get("torch_kernels", {})
    ceilings, theirs = kernels.get("ceilings", {}), torch.get("ceilings", {})
    lines = [
        f"- card: {facts.get('device', kernels.get('device', 'unknown'))}, "
        f"{facts.get('memory_bytes', 0) / 2**30:.1f} GiB, {facts.get('multiprocessors', '?')} multiprocessors",
        f"- driver: CUDA {facts.get('driver_cuda', '?')}; NVRTC {facts.get('nvrtc', '?')}; "
        f"cuBLASLt {facts.get('cublaslt') or 'missing'}",
        f"- kernels: {number(facts.get('compile_seconds'))} s to compile with {facts.get('compile_threads', '?')} "
        f"threads, {number(facts.get('cached_seconds'), 3)} s from the cache",
        f"- ceilings: {number(ceilings.get('matmul_tflops'), 0)} TFLOP/s (8192³ by {ceilings.get('matmul_by', '?')}), "
        f"{number(ceilings.get('copy_tb_per_s'))} TB/s (copy, read and written); PyTorch {torch.get('torch', '—')}: "
        f"{number(theirs.get('matmul_8192_tflops'), 0)} TFLOP/s, {number(theirs.get('copy_tb_per_s'))} TB/s",
    ]
    lines += ["- " + line.strip() for line in found.get("clocks", "").splitlines() if line.strip()]
    lines.append(f"- command: `{options.command}`; kernels: medians of {kernels.get('repeats', '?')} runs by CUDA events, "
                 "random data")
    return "\n".join(lines)


def checks(found):
    table = Table("Correctness", ["what", "cases", "failures", "nearest to its bound"])
    for group in found.get("ops", []):
        share = number(100 * group["worst_share"], 0, " %") if group["worst_share"] is not None else "not a number"
        servers = f", {group['servers']} kernels" if group.get("servers", "all") != "all" else ""
        table.add(f"{group['group']} against float64{servers}", str(group["cases"]), str(len(group["failures"])),
                  f"{group['worst']}: {share}")
    for run in found.get("goldens", []):
        error = run["worst_relative"]
        servers = f", {run['servers']} kernels" if run.get("servers", "all") != "all" else ""
        table.add(f"golden {run['golden']}, {run['dtype']}{servers}", "1", str(len(run["failures"])),
                  f"{run['worst']}: relative L2 {error:.1e}, frames {number(run['psnr'], 1, ' dB')}"
                  if error is not None else "not a number")
    for tool in SANITIZERS:
        if tool in found:
            summaries = re.findall(r"(?:ERROR|RACECHECK) SUMMARY: (.*)", found[tool])
            clean = summaries and all(re.match(r"0 (errors|hazards)", text) for text in summaries)
            table.add(f"compute-sanitizer {tool}", "quick operations",
                      "0" if clean else "see the log" if summaries else "not checked",
                      "; ".join(summaries) or "no summary: it refused this machine or did not finish")
    return table


def key(row, names):
    return tuple(str(row.get(name)) for name in names)


def beside(found, kind, names):
    """PyTorch's rows of a kind by what identifies a shape."""
    return {key(row, names): row for row in found.get("torch_kernels", {}).get(kind, [])}


def attention(found):
    names = ("heads", "head_dim", "queries", "keys")
    torch = beside(found, "attention", names)
    table = Table("Attention, TFLOP/s", ["shape", "sm_90a", "portable", "PyTorch's best", "ratio", "aim", "verdict"])
    for row in found.get("kernels", {}).get("attention", []):
        ours = {way: rate(row["flops"], ms) for way, ms in row["ms"].items()}
        other = torch.get(key(row, names), {})
        theirs = rate(row["flops"], other.get("ms"))
        best = max((value for value in ours.values() if value), default=None)
        aim = ATTENTION.get(row["head_dim"]) if row["keys"] >= LONG else None
        table.add(f"{row['name']}: {row['queries']} × {row['keys']}, {row['heads']} heads of {row['head_dim']}",
                  number(ours.get("warpgroups"), 0), number(ours.get("portable"), 0),
                  number(theirs, 0) + (f" ({other['by']})" if theirs else ""),
                  number(best / theirs if best and theirs else None), f"≥ {aim}" if aim else "",
                  verdict(best, aim, True) if aim else "")
    return table


def products(found):
    names = ("m", "n", "k")
    torch = beside(found, "gemm", names)
    table = Table("Products, TFLOP/s", ["shape", "epilogue", "sm_90a", "portable", "cuBLASLt, plain", "PyTorch, plain",
                                        "ours / cuBLASLt", "aim", "verdict"])
    for row in found.get("kernels", {}).get("gemm", []):
        ours = {way: rate(row["flops"], ms) for way, ms in row["ms"].items()}
        theirs = rate(row["flops"], torch.get(key(row, names), {}).get("ms"))
        best = max((ours[way] for way in ("warpgroups", "portable") if ours.get(way)), default=None)
        ratio = best / ours["cublaslt"] if best and ours.get("cublaslt") else None
        table.add(f"{row['name']}: {row['m']} × {row['n']} × {row['k']}", row["epilogue"],
                  number(ours.get("warpgroups"), 0), number(ours.get("portable"), 0), number(ours.get("cublaslt"), 0),
                  number(theirs, 0), number(ratio), f"≥ {PRODUCT}", verdict(ratio, PRODUCT, True))
    return table


def convolutions(found):
    names = ("height", "width", "in", "out", "kernel")
    torch = beside(found, "convolution", names)
    table = Table("Convolution, one frame behind its history", ["shape", "sm_90a, ms", "portable, ms",
                                                               "PyTorch's best, ms", "times as fast", "TFLOP/s"])
    for row in found.get("kernels", {}).get("convolution", []):
        other = torch.get(key(row, names), {})
        times = [value for value in row["ms"].values() if value]
        best = min(times) if times else None
        table.add(f"{row['name']}: {row['in']} to {row['out']}, {'×'.join(map(str, row['kernel']))}",
                  number(row["ms"].get("warpgroups"), 3), number(row["ms"].get("portable"), 3),
                  number(other.get("ms"), 3) + (f" ({other['by']})" if other.get("ms") else ""),
                  number(other["ms"] / best if best and other.get("ms") else None), number(rate(row["flops"], best), 0))
    return table


def models(found):
    steps = {row["model"]: row for row in found.get("torch_steps", {}).get("steps", [])}
    table = Table("Whole models, random weights of the exact architecture",
                  ["measure", "ours", "PyTorch", "ours / PyTorch", "aim", "verdict"])
    for row in found.get("models", []):
        name = row["model"]
        title = f"{name} {row['width']}×{row['height']}×{row['frames']}"
        other = steps.get(TORCH_NAMES.get(name), {})
        for how in ("compiled", "eager"):
            theirs = other.get(f"{how}_seconds")
            is_first = how == "compiled" or "compiled_seconds" not in other
            aim = STEP.get(name) if is_first else None
            if not is_first or theirs or how == "eager":
                table.add(f"{title}: step with guidance", number(row["step_seconds"], 3, " s"),
                          number(theirs, 3, " s") + (f" ({how})" if theirs else ""),
                          number(row["step_seconds"] / theirs if theirs and row["step_seconds"] else None),
                          f"≤ {aim:.2f} s" if aim else "", verdict(row["step_seconds"], aim, False) if aim else "")
        aim = DECODE.get(name)
        table.add(f"{title}: VAE, frames copied out", number(row["decode_seconds"], 3, " s"), "", "",
                  f"≤ {aim:.1f} s" if aim else "", verdict(row["decode_seconds"], aim, False) if aim else "")
        table.add(f"{title}: text encoder, text context",
                  f"{number(row['text_seconds'], 3)} s, {number(row['context_seconds'], 3)} s")
        table.add(f"{title}: outside denoiser and VAE, 30 steps", number(100 * (row["outside_share"] or 0), 2, " %"), "",
                  "", f"≤ {100 * OUTSIDE:.0f} %", verdict(row["outside_share"], OUTSIDE, False))
        table.add(f"{title}: seconds of video a GPU-minute, 30 steps",
                  f"{number(row['video_per_minute'])}; {number(row['video_per_minute_without_vae'])} without the VAE")
        table.add(f"{title}: loads from memory", ", ".join(number(value) for value in row["load_seconds"]) + " s")
        table.add(f"{title}: peak memory", number(row["peak_bytes"] / 1e9, 1, " GB"),
                  number(other["peak_bytes"] / 1e9, 1, " GB, denoiser only") if other.get("peak_bytes") else "")
    return table


NOTES = """\
How it is measured. *Kernels*: three runs to warm up, then the median by CUDA events, each buffer with other random numbers;
ours with a bias, products of cuBLASLt and PyTorch without bias and epilogue, so that fusing is free in the ratio. PyTorch's best
of flash and cuDNN attention, of conv3d channels-last and channels-first with cuDNN's benchmark. *Models*: the product's own run in
bf16, the GPU synchronized at every step that it reports; the median of the steps after the first of each expert. Loads come from
memory mapped pages, not from a disk, and are not part of the seconds of video. The text context is two prompts of 100 tokens. Every
weight is random (normal, deviation 0.02; gains of norms around 1)."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=pathlib.Path, nargs="+")
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    parser.add_argument("--command", default="bench/gpu/run.sh --on-device OUT")
    parser.add_argument("--into", type=pathlib.Path)
    options = parser.parse_args()
    found = load(options.folders)
    if options.into and found:
        options.into.write_text(json.dumps(found))
    if not found:
        sys.exit(f"{', '.join(map(str, options.folders))}: no result there")
    tables = [make(found) for make in (attention, products, convolutions, models)]
    parts = [f"# GPU, {options.date}", machine(found, options), checks(found).markdown]
    parts += [table.markdown for table in tables]
    if found.get("failed", "").strip():
        parts.insert(2, "## What did not come to its end\n\n" + "\n".join(
            f"- {line}" for line in found["failed"].strip().splitlines()))
    cells = [row[-1] for table in tables for row in table.rows]
    parts.append(f"Aims: {cells.count('met')} met, {cells.count('**missed**')} missed, "
                 f"{cells.count('not measured')} not measured.")
    missing = [name for name in NAMES if name not in found]
    if missing:
        parts.append("Missing here: " + ", ".join(missing) + ".")
    what = {row["what"] for row in found.get("torch_steps", {}).get("steps", [])}
    if what:
        parts.append("PyTorch's step is that of: " + ", ".join(sorted(what)) + "; two passes, 512 rows of text.")
    print("\n\n".join(parts + [NOTES]))


if __name__ == "__main__":
    main()
