"""The figures of the corpus: ``python tests/derivations/report.py`` judges every claim."""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from pathlib import Path

here = Path(__file__).parent
sys.path[:0] = [str(here), str(here.parent), str(here.parent / "contract"), str(here.parent.parent)]

from corpus import CLAIMS  # noqa: E402 - found by the lines above


def main(words: list[str]) -> None:
    """Print what came out for each claim that is not as it should be, then the totals."""
    seconds: dict[str, float] = {}
    counts: Counter[str] = Counter()
    claims = [c for c in CLAIMS if all(word in c.name for word in words)]
    for claim in claims:
        start = time.perf_counter()
        verdict = claim.judged()
        seconds[claim.name] = time.perf_counter() - start
        if claim.right:
            counts["right"] += 1
            counts[f"right, {verdict.status}"] += 1
            if verdict.status != "proved":
                print(f"{verdict.status}: {claim.name}")
            continue
        counts["wrong"] += 1
        as_expected = verdict.status == ("wrong" if claim.readable else "incomparable")
        explained = verdict.kind in claim.kinds and (verdict.repair is not None or verdict.kind == "assumption")
        counts["wrong, found wrong"] += as_expected
        counts["wrong, right kind and repair"] += explained
        if not as_expected or not explained:
            print(f"{verdict.status}, {verdict.kind} for {' or '.join(claim.kinds)}: {claim.name}")
            print(f"    {verdict.diagnosis} | {verdict.repair} | right: {verdict.answer}")
    print(f"\n{len(claims)} claims on {len({c.title for c in claims})} functions")
    for what, count in sorted(counts.items()):
        print(f"  {what}: {count}")
    times = sorted(seconds.items(), key=lambda item: item[1])
    print(f"  seconds: median {statistics.median(seconds.values()):.2f}, all {sum(seconds.values()):.0f}, slowest:")
    for name, value in times[-5:]:
        print(f"    {value:.1f}  {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
