"""`survey check` of a survey twenty times as large as ours: seconds, memory, and whether any mistake is lost.

    python -m benchmarks.entries [--papers 10000] [--broken 100] [--repeats 3]

Our own entries and generated papers of the same size lie in a folder for the time of the run. It is checked whole,
then with mistakes in some papers: every one of them must be reported, at its line, and nothing else. The numbers go
to `benchmarks/entries.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT
from survey_tools.knowledge.kinds import KINDS, PAPER
from survey_tools.knowledge.writer import entry_text

RESULTS = ROOT / "benchmarks" / "entries.json"
LIMITS = {"seconds": 10.0, "mib": 500.0}
"""What the project promises of 10,000 papers."""
_WORDS = (
    "the a of in to and with for on by from as at that which when each both only between across after model head heads "
    "attention token tokens layer layers circuit circuits score scores prompt prompts copy pattern patterns task tasks "
    "weights training loss probe ablation patching retrieval induction position positions query key value vocabulary"
)
WORDS = _WORDS.split()
MISTAKES = (
    ("relevance: core", "relevance: cor"),
    ("id: induction, role", "id: inducton, role"),
    ("date_source: arxiv-v1", "date_source: arxiv-v1\ndate_source: readme"),
    ("kind: llm-analysis", "kind: llm-analysis\n  deeper: x"),
    ("where: Sec. 4", "where: no"),
)
"""Text of a generated paper, and what stands there afterwards: one problem each, of every layer of the checks."""


def paper(number: int, chance: random.Random) -> str:
    """The file of a generated paper, as long as ours are (2 KB)."""

    def sentence(words: int) -> str:
        return " ".join(chance.choices(WORDS, k=words)).capitalize() + "."

    data = {
        "schema_version": 1,
        "id": paper_id(number),
        "title": f"Generated paper {number}: " + sentence(7)[:-1],
        "authors": [sentence(2)[:-1] for _ in range(chance.randint(1, 12))],
        "published": f"{chance.randint(2019, 2026)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}",
        "date_source": "arxiv-v1",
        "ids": {"arxiv": f"{3000 + number // 100000:04d}.{number % 100000:05d}"},
        "links": {"code": f"https://example.org/code/{number}"},
        "kind": "llm-analysis",
        "relevance": "core",
        "summary": {part: sentence(chance.randint(20, 30)) for part in ("innovation", "method", "result")},
        "summary_source": "abstract",
        "head_types": [
            {"id": "induction", "role": "studies"},
            {"id": "previous-token", "role": "applies", "name_used": "look-back head"},
        ],
        "heads": [
            {
                "model": "openai-community/gpt2",
                "layer": chance.randrange(12),
                "head": chance.randrange(12),
                "head_type": "induction",
                "where": f"Fig. {chance.randint(1, 9)}",
                "evidence": "paper",
                "certainty": "likely",
            }
            for _ in range(chance.randint(0, 4))
        ],
        "methods": ["zero-ablation", "mean-ablation"],
        "models": ["GPT-2 small", "Pythia 160M"],
        "tasks": [sentence(3)[:-1]],
        "claims": [{"statement": sentence(14), "metric": "accuracy", "value": chance.random(), "where": "Sec. 4"}],
        "reproduction": {"planned": {"how": sentence(20), "needs": "a small model"}},
    }
    return entry_text(data, PAPER)


def paper_id(number: int) -> str:
    """The id of a generated paper; none of ours starts with a digit."""
    return f"0generated-{number:05d}"


def write_survey(root: Path, papers: int) -> None:
    """Our entries under `root`, and generated papers until there are `papers`."""
    for folder in {kind.folder.split("/")[0] for kind in KINDS} | {"notebooks"}:
        shutil.copytree(ROOT / folder, root / folder)
    ours = len(list((root / PAPER.folder).glob("*.yml")))
    chance = random.Random(0)
    for number in range(papers - ours):
        (root / PAPER.path(paper_id(number))).write_text(paper(number, chance), encoding="utf-8")


def break_papers(root: Path, broken: int) -> set[tuple[str, int]]:
    """Put a mistake into `broken` generated papers drawn at random; returns path and line of each."""
    files = sorted((root / PAPER.folder).glob("0generated-*.yml"))
    expected = set()
    for turn, file in enumerate(random.Random(7).sample(files, broken)):
        old, new = MISTAKES[turn % len(MISTAKES)]
        before, found, after = file.read_text(encoding="utf-8").partition(old)
        assert found, (file, old)
        file.write_text(before + new + after, encoding="utf-8")
        expected.add((file.relative_to(root).as_posix(), before.count("\n") + 1 + new.count("\n")))
    return expected


def checks(root: Path, repeats: int) -> Iterator[tuple[dict[str, float], list[dict[str, Any]]]]:
    """Run `survey check` in a process of its own: what it cost with all its children, and its problems."""
    command = [sys.executable, "-m", "survey_tools", "check", "--format", "json", "--root", str(root)]
    for _ in range(repeats):
        start, before = time.perf_counter(), _cpu_seconds()
        with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
            process = subprocess.Popen(command, stdout=out)
            peak = 0.0
            while process.poll() is None:
                peak = max(peak, _mib(process.pid))
                time.sleep(0.05)
            taken = time.perf_counter() - start
            out.seek(0)
            problems = json.load(out)["problems"]
        yield {"seconds": taken, "cpu_seconds": _cpu_seconds() - before, "mib": peak}, problems


def _cpu_seconds() -> float:
    """Of all processes started from here and of theirs, as far as they have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _mib(pid: int) -> float:
    """Memory of a process and its children, shared pages counted once (proportional set size)."""
    total = 0.0
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        for each in (str(pid), *children):
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text(encoding="ascii")
            total += int(next(line for line in rollup.splitlines() if line.startswith("Pss:")).split()[1]) / 1024
    except (OSError, StopIteration):  # it ended while we looked
        return 0.0
    return total


def main() -> None:
    """Write the survey, check it, break it, check it again; end with 1 where a mistake was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=int, default=10_000)
    parser.add_argument("--broken", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_survey(root, asked.papers)
        costs = []
        for cost, problems in checks(root, asked.repeats):
            assert problems == [], problems[:5]
            costs.append(cost)
            print(f"{cost['seconds']:.2f} s ({cost['cpu_seconds']:.2f} s CPU), {cost['mib']:.0f} MiB", flush=True)
        expected = break_papers(root, asked.broken)
        (_, problems), *_ = checks(root, 1)
    found = {(problem["path"], problem["line"]) for problem in problems}
    print(
        f"{len(expected & found)} of {len(expected)} mistakes reported, {len(problems) - len(expected)} other problems"
    )
    row = {
        "papers": asked.papers,
        "seconds": round(statistics.median(cost["seconds"] for cost in costs), 2),
        "cpu_seconds": round(statistics.median(cost["cpu_seconds"] for cost in costs), 2),
        "mib": round(max(cost["mib"] for cost in costs)),
        "limits": LIMITS,
        "repeats": asked.repeats,
        "mistakes": len(expected),
        "reported": len(expected & found),
        "other_problems": len(problems) - len(expected),
        "device": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
    }
    RESULTS.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
    sys.exit(0 if found == expected and len(problems) == len(expected) else 1)


if __name__ == "__main__":
    main()
