"""PyTorch's best on the shapes of shapes.json: median milliseconds by CUDA events, as JSON in the file that is named,
written anew after each row.

Random data throughout: a matrix product on zeros runs faster than on anything real.
"""

import json
import os
import statistics
import sys

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

REPEATS = int(os.environ.get("REPEATS", "15"))
DEVICE = torch.device("cuda")


def median_ms(body):
    """Median time of `body` over REPEATS runs after three to warm up."""
    for _ in range(3):
        body()
    times = []
    for _ in range(REPEATS):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        body()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


def best(variants):
    """The fastest variant that runs: (name, milliseconds)."""
    results = {}
    for name, body in variants.items():
        try:
            results[name] = median_ms(body)
        except RuntimeError as error:
            print(f"{name}: {str(error).splitlines()[0]}", file=sys.stderr)
    if not results:
        return {"ms": None, "by": None, "all": {}}
    name = min(results, key=results.get)
    return {"ms": results[name], "by": name, "all": results}


def randn(*shape):
    return torch.randn(*shape, device=DEVICE, dtype=torch.bfloat16)


def attention(shape):
    heads, width = shape["heads"], shape["head_dim"]
    q = randn(1, heads, shape["queries"], width)
    k, v = (randn(1, heads, shape["keys"], width) for _ in range(2))

    def run(backend):
        def body():
            with sdpa_kernel(backend):
                F.scaled_dot_product_attention(q, k, v)

        return body

    return best({"flash": run(SDPBackend.FLASH_ATTENTION), "cudnn": run(SDPBackend.CUDNN_ATTENTION)})


def gemm(shape):
    """The product alone, by cuBLAS: what a fused epilogue has to be measured against."""
    x, w = randn(shape["m"], shape["k"]), randn(shape["n"], shape["k"])
    out = torch.empty(shape["m"], shape["n"], device=DEVICE, dtype=torch.bfloat16)
    return best({"cublas": lambda: torch.matmul(x, w.t(), out=out)})


def convolution(shape):
    time, height, width = shape["kernel"]
    x = randn(1, shape["in"], time, shape["height"], shape["width"])
    w = randn(shape["out"], shape["in"], time, height, width)
    bias = randn(shape["out"])
    last, wlast = (t.to(memory_format=torch.channels_last_3d) for t in (x, w))
    padding = (0, height // 2, width // 2)
    return best(
        {
            "channels_last": lambda: F.conv3d(last, wlast, bias, padding=padding),
            "channels_first": lambda: F.conv3d(x, w, bias, padding=padding),
        }
    )


def ceilings():
    a, b = randn(8192, 8192), randn(8192, 8192)
    out = torch.empty_like(a)
    x = torch.randn(1 << 30, device=DEVICE)
    y = torch.empty_like(x)
    product = median_ms(lambda: torch.matmul(a, b.t(), out=out))
    copy = median_ms(lambda: y.copy_(x))
    return {"matmul_8192_tflops": 2 * 8192**3 / product / 1e9, "copy_tb_per_s": 2 * x.nbytes / copy / 1e9}


def main():
    with open(os.path.join(os.path.dirname(__file__), "shapes.json"), encoding="utf-8") as file:
        shapes = json.load(file)
    torch.backends.cudnn.benchmark = True
    result = {"torch": torch.__version__, "cuda": torch.version.cuda, "device": torch.cuda.get_device_name()}
    result["ceilings"] = ceilings()
    for kind, run in (("attention", attention), ("gemm", gemm), ("convolution", convolution)):
        result[kind] = []
        for shape in shapes[kind]:
            result[kind].append(shape | run(shape))
            write(result)
            torch.cuda.empty_cache()


def write(result):
    part = sys.argv[1] + ".part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    os.replace(part, sys.argv[1])


if __name__ == "__main__":
    main()
