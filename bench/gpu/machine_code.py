#!/usr/bin/env python3
"""What the compiler made of the CUDA kernels, without a GPU: one row a kernel, to predict a change's effect from.

    machine_code.py NVRTC NVDISASM [--architecture sm_90a] [--module attention_sm90]

NVRTC is a libnvrtc.so, NVDISASM NVIDIA's disassembler; `make nvrtc` fetches both into .build/nvrtc. Columns: registers of
a thread; the most shared memory of a block (KB); bytes spilled or on a stack; matrix instructions (HGMMA, HMMA); waits for
groups of warpgroup products, and for barriers; exponentials between two waits for groups of warpgroup products, of which many mean that they run beside a product; loads and stores of
device and of shared memory by bytes a thread; and what a tile asks of the L2 cache in bytes a clock and multiprocessor
while its matrix units run at full rate (4096 bf16 operations a clock on sm_90a, 2048 by the older instructions on sm_80).
"""

import argparse
import ctypes
import pathlib
import re
import subprocess
import tempfile
from collections import Counter

KERNELS = pathlib.Path(__file__).resolve().parents[2] / "CKernels"
OPTIONS = ["--std=c++17", "--ptxas-options=-v", "-default-device", "-diag-suppress=177"]


def modules():
    """Name of each module: its text, and whether it is for sm_90a only; read from the table that the program embeds."""
    table = (KERNELS / "cuda/texts.c").read_text()
    files = dict(re.findall(r'FILE\((\w+)\) = \{"([\w.]+)"', table))
    warpgroups = re.search(r"#define WARPGROUPS (.*)", table).group(1)
    found = {}
    for name, needs, parts in re.findall(r"^ +TEXT\((\w+), (\d), ([^)]*)\)", table, re.M):
        names = ["arguments", "device"] + re.findall(r"&(\w+)", parts.replace("WARPGROUPS", warpgroups))
        paths = [KERNELS / ("include" if files[part].endswith(".h") else "cuda") / files[part] for part in names]
        found[name] = ("\n".join(f'#line 1 "{path.name}"\n{path.read_text()}' for path in paths), needs == "1")
    return found


def constants():
    """The numbers that kernels and host share."""
    numbers = {}
    text = (KERNELS / "include/ck_cuda_arguments.h").read_text()
    for name, value in re.findall(r"\b(CK_\w+) = ([^,/\n]+)", text):
        try:
            numbers[name] = int(eval(value, {"__builtins__": {}}, numbers))
        except (NameError, SyntaxError):
            continue
    return numbers


def compile_module(library, text, name, architecture):
    """The cubin and the compiler's log."""
    nvrtc = ctypes.CDLL(library)
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode(), f"{name}.cu".encode(), 0, None, None)
    options = [f"--gpu-architecture={architecture}".encode()] + [option.encode() for option in OPTIONS]
    status = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(max(1, size.value))
    nvrtc.nvrtcGetProgramLog(program, log)
    if status:
        raise SystemExit(f"{name} for {architecture}: {log.value.decode()}")
    nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size))
    cubin = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetCUBIN(program, cubin)
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return cubin.raw, log.value.decode()


def listings(disassembler, cubin):
    """The instructions of each kernel."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        text = subprocess.run([disassembler, "-c", file.name], capture_output=True, text=True, check=True).stdout
    kernels, current = {}, None
    for line in text.splitlines():
        if section := re.match(r"\s*\.section\s+\.text\.(\S+?),", line):
            current = kernels.setdefault(section.group(1), [])
        elif current is not None and (found := re.search(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)([^;]*)", line)):
            current.append((found.group(1), found.group(2)))
    return kernels


def logged(log):
    """Registers and bytes spilled of each kernel."""
    facts, name = {}, None
    for line in log.splitlines():
        if found := re.search(r"Compiling entry function '(\w+)'", line):
            name = found.group(1)
            facts[name] = [0, 0]
        elif name and "bytes stack frame" in line:
            facts[name][1] = sum(int(number) for number in re.findall(r"(\d+) bytes", line))
        elif name and (found := re.search(r"Used (\d+) registers", line)):
            facts[name][0] = int(found.group(1))
    return facts


def waits(instructions):
    """Of products, and of barriers in shared memory: "5, 9"."""
    products = sum("WARPGROUP.DEPBAR" in name for name, _ in instructions)
    barriers = sum(name.startswith("SYNCS") and "TRYWAIT" in name for name, _ in instructions)
    return f"{products}, {barriers}" if products or barriers else ""


def beside_products(instructions):
    """Exponentials between a wait that leaves one group of products running and the wait that leaves none."""
    most, count = 0, None
    for name, operands in instructions:
        if "WARPGROUP.DEPBAR" in name:
            if count is not None and "0x0" in operands:
                most = max(most, count)
            count = 0 if "0x1" in operands else None
        elif name.startswith("MUFU.EX2") and count is not None:
            count += 1
    return most


def widths(instructions, kinds):
    """How many of these loads or stores there are, by bytes a thread: "16: 12, 4: 3"."""
    counts = Counter()
    for name, _ in instructions:
        parts = name.split(".")
        if parts[0] in kinds:
            size = next((part for part in parts[1:] if part in ("U8", "S8", "U16", "S16", "64", "128")), "32")
            counts[{"U8": 1, "S8": 1, "U16": 2, "S16": 2, "32": 4, "64": 8, "128": 16}[size]] += 1
    return ", ".join(f"{size}: {count}" for size, count in sorted(counts.items(), reverse=True))


def shared_kilobytes(kernel, numbers):
    """The block's shared memory, where a constant of the kernel's name says it."""
    name = "CK_" + kernel.upper()
    for suffix in ("_SHARED_BYTES", "_SHARED"):
        if name + suffix in numbers:
            return f"{numbers[name + suffix] / 1024:.0f}"
    return ""


def cache_bytes(kernel, numbers, rate):
    """Bytes a clock from the L2 cache: both operands' panels of a tile over the clocks of its products."""
    if tile := re.match(r"(?:gemm|convolution)(?:_sm90)?_(\d+)x(\d+)$", kernel):
        rows, columns = int(tile.group(1)), int(tile.group(2))
        return f"{rate * (rows + columns) / (rows * columns):.0f}"
    if kernel.startswith("attention_sm90"):
        return f"{rate / numbers[f'CK_{kernel.upper()}_QUERIES']:.0f}"
    if kernel in ("attention_64", "attention_128", "attention_128_wide"):
        return f"{rate / numbers['CK_ATTENTION_ROWS']:.0f}"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nvrtc")
    parser.add_argument("nvdisasm")
    parser.add_argument("--architecture", default="sm_90a")
    parser.add_argument("--module")
    options = parser.parse_args()
    numbers = constants()
    # The older instructions reach half of sm_90a's rate.
    print("| kernel | registers | shared KB | spilled | matrix | waits | exponentials beside | device loads | device stores "
          "| shared loads | shared stores | L2 bytes/clock |\n|---|---|---|---|---|---|---|---|---|---|---|---|")
    for name, (text, needs_warpgroups) in modules().items():
        if (options.module and name != options.module) or (needs_warpgroups and options.architecture != "sm_90a"):
            continue
        cubin, log = compile_module(options.nvrtc, text, name, options.architecture)
        facts = logged(log)
        for kernel, instructions in sorted(listings(options.nvdisasm, cubin).items()):
            matrix = Counter(word.split(".")[0] for word, _ in instructions if word.startswith(("HGMMA", "HMMA")))
            rate = 4096 if "HGMMA" in matrix else 2048
            row = [f"`{kernel}`", *facts.get(kernel, ["", ""]), ", ".join(f"{n} {word}" for word, n in matrix.items()),
                   waits(instructions), beside_products(instructions) or "", widths(instructions, ("LDG", "LD")),
                   widths(instructions, ("STG", "ST")), widths(instructions, ("LDS",)), widths(instructions, ("STS",)),
                   cache_bytes(kernel, numbers, rate)]
            row.insert(2, shared_kilobytes(kernel, numbers))
            print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)


if __name__ == "__main__":
    main()
