"""The table of the comparison, and how its numbers are made and written."""

import statistics
import sys


class Table:
    """The rows, and a sentence for each target that was missed."""

    def __init__(self):
        self.rows, self.missed, self.isa = [], [], ""

    def add(self, name, ours, theirs, value, target, show="{:.2f}×".format, at_least=False):
        reached = value >= target if at_least else value <= target
        sign = "≥" if at_least else "≤"
        self.rows.append([self.isa, name, ours, theirs, show(value), f"{sign} {show(target)}", "reached" if reached else "missed"])
        print("  ".join(self.rows[-1]), file=sys.stderr)
        if not reached:
            self.missed.append(f"- {self.isa}, {name}: {show(value)}, {value / target:.2f} times the target {show(target)}.")

    @property
    def markdown(self):
        head = [["instructions", "measure", "wan-infer", "beside it", "value", "target", "verdict"], ["---"] * 7]
        lines = ["| " + " | ".join(row) + " |" for row in head + self.rows]
        return "\n".join(lines + [""] + (self.missed or ["Every target is reached."]))


def seconds(value, flops=None):
    rate = f" ({flops / value / 1e9:.0f} GFLOP/s)" if flops else ""
    return (f"{value * 1e3:.1f} ms" if value < 0.1 else f"{value:.2f} s") + rate


def megabytes(value):
    return f"{value / 1e6:.0f} MB"


def in_turn(rounds, *sides):
    """Lets the sides take turns; the results of each."""
    results = [[] for _ in sides]
    for _ in range(rounds):
        for side, list_ in zip(sides, results):
            list_.append(side())
    return results


def median(results, value):
    return statistics.median(value(result) for result in results)
