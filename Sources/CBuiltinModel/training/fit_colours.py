"""Fits the linear map from the built-in model's latents to colours that previews are drawn by.

    python fit_colours.py PROGRAM FOLDER        PROGRAM is wan-infer; dumps of its clips go to FOLDER

Each latent position of a finished clip is one equation: its channels on one side, on the other the mean colour, from -1
to 1, of the pixels that its decoder makes of it. The first latent frame stands for one frame, each later one for four.
Prints the rows of WanLatentColours.swift, and how much of the colours the map explains on other clips."""
import os, subprocess, sys
import numpy as np
from safetensors.numpy import load_file

COLOURS = "red green blue yellow white orange purple pink".split()
SHAPES = "circle square triangle star ring".split()
MOTIONS = ["moving from left to right", "moving up", "growing", "that stays still", "moving down", "shrinking"]
GROUNDS = ["black", "white", "gray", "dark blue"]


def equations(program, folder, number):
    colour, shape = COLOURS[number % 8], SHAPES[number % 5]
    prompt = f"a {colour} {shape} {MOTIONS[number % 6]} on a {GROUNDS[number % 4]} background"
    dump = f"{folder}/{number}.safetensors"
    if not os.path.exists(dump):
        subprocess.run([program, prompt, "--seed", str(number), "--device", "cpu", "--quiet", "--dump", dump,
                        "--output", f"{folder}/{number}.mp4"], check=True, stdin=subprocess.DEVNULL)
    tensors = load_file(dump)
    latents, frames = tensors["latents.final"][0], tensors["frames"]
    channels, times, rows, columns = latents.shape
    scale = frames.shape[1] // rows
    small = frames.reshape(-1, rows, scale, columns, scale, 3).mean((2, 4)) * 2 - 1
    targets = [small[:1].mean(0)] + [small[4 * t - 3:4 * t + 1].mean(0) for t in range(1, times)]
    return latents.reshape(channels, -1).T, np.stack(targets).reshape(-1, 3)


def main(program, folder, fitted=24, checked=8):
    os.makedirs(folder, exist_ok=True)
    pairs = [equations(program, folder, number) for number in range(fitted + checked)]
    x, y = (np.concatenate(side).astype(np.float64) for side in zip(*pairs[:fitted]))
    solution = np.linalg.lstsq(np.c_[x, np.ones(len(x))], y, rcond=None)[0]
    for row in solution[:-1]: print("[" + ", ".join(f"{v:.4f}" for v in row) + "],")
    print("bias [" + ", ".join(f"{v:.4f}" for v in solution[-1]) + "]")
    x, y = (np.concatenate(side).astype(np.float64) for side in zip(*pairs[fitted:]))
    rest = y - np.c_[x, np.ones(len(x))] @ solution
    print("explained on other clips:", 1 - (rest ** 2).sum(0) / ((y - y.mean(0)) ** 2).sum(0))


if __name__ == "__main__": main(*sys.argv[1:])
