"""Attention at asked-for pairs: our interception against a plain SDPA forward and against `output_attentions=True`.

    python benchmarks/attention_pairs.py [--lengths 512 1024 2048] [--repeats 5]

GPT-2-small shape, random weights, one thread, one prompt of N tokens; the pairs are those of the previous-token,
duplicate-token and induction relations. Every measurement is a process of its own, so that its peak memory is its
own; the three take turns. Rows go to `benchmarks/results.json`, medians with the spread.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).with_name("results.json")
WAYS = {"ours": "pairs through the interception point", "sdpa": "plain SDPA forward", "eager": "output_attentions=True"}


def measure(way: str, length: int) -> dict[str, float]:
    """Seconds of one forward after a warm-up, and MiB of peak memory above what was there before it (Linux)."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    from survey_tools.heads.interception import intercept

    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = GPT2LMHeadModel(GPT2Config(n_positions=length)).eval().requires_grad_(False)
    tokens = torch.randint(0, 50_000, (1, length))
    half = length // 2
    pairs = torch.tensor([(row, row - back) for back in (1, half, half - 1) for row in range(half, length)])
    read: dict[int, torch.Tensor] = {}

    def run(prompt: torch.Tensor) -> None:
        here = pairs[pairs[:, 0] < prompt.shape[1]]
        with torch.no_grad():
            if way == "ours":
                with intercept(network, lambda call: read.__setitem__(call.layer, call.attention_at(here)), lse=True):
                    network(prompt, use_cache=False, logits_to_keep=1)
                return
            network.set_attn_implementation("sdpa" if way == "sdpa" else "eager")
            out = network(prompt, use_cache=False, logits_to_keep=1, output_attentions=way == "eager")
            if way == "eager":
                for layer, pattern in enumerate(out.attentions):
                    read[layer] = pattern[:, :, here[:, 0], here[:, 1]]

    run(tokens[:, :64])  # warm-up: attach checks the network once, kernels are set up
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of loading and warming up
    before = kibibytes("VmRSS")
    start = time.perf_counter()
    run(tokens)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "mib": (kibibytes("VmHWM") - before) / 1024}


def kibibytes(field: str) -> int:
    """A memory figure of this process as Linux reports it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith(field)).split()[1])


def main() -> None:
    """Take turns, print the table, keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one[0], int(arguments.one[1]))))
        return
    rows = []
    for length in arguments.lengths:
        taken: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for _ in range(arguments.repeats):
            for way in WAYS:
                command = [sys.executable, __file__, "--one", way, str(length)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                taken[way].append(json.loads(done.stdout.splitlines()[-1]))
        for peer in ("sdpa", "eager"):
            for unit in ("seconds", "mib"):
                rows.append(row(length, peer, unit, taken))
                print(
                    "{case:12s} {peer:32s} {unit:8s} ours {ours:8.3f} theirs {theirs:8.3f} ratio {ratio:5.2f}".format(
                        **rows[-1]
                    )
                )
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def row(length: int, peer: str, unit: str, taken: dict[str, list[dict[str, float]]]) -> dict[str, object]:
    """One benchmark row: medians, ratio theirs / ours, smallest and largest of both."""
    ours, theirs = ([run[unit] for run in taken[way]] for way in ("ours", peer))
    return {
        "benchmark": "attention_pairs",
        "case": f"N = {length}",
        "peer": WAYS[peer],
        "ours": round(statistics.median(ours), 4),
        "theirs": round(statistics.median(theirs), 4),
        "unit": unit,
        "ratio": round(statistics.median(theirs) / max(statistics.median(ours), 1e-9), 3),
        "spread": {
            "ours": [round(min(ours), 4), round(max(ours), 4)],
            "theirs": [round(min(theirs), 4), round(max(theirs), 4)],
        },
        "device": f"cpu, 1 thread, {platform.machine()}",
        "versions": {name: version(name) for name in ("torch", "transformers")},
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip(),
    }


if __name__ == "__main__":
    main()
