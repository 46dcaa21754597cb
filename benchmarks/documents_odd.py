"""
Read every PDF below a folder as the documents app does, and tell what came of them: `python -m benchmarks.documents_odd FOLDER`. Good folders are the test files of
pdf.js (`test/pdfs`) and of pypdf (`resources`).
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from contextlib import aclosing
from pathlib import Path

import anyio

from avance.apps.reading import Page, Unreadable, read_file, sniff

AT_ONCE = 2
SLOWEST = 5


async def outcome_of(path: Path) -> str:
    """
    `text`, `pictures`, `no text`, or the code of the refusal.
    """
    chars = scanned = 0
    try:
        kind = sniff(path, path.name)
        async with aclosing(read_file(path, kind)) as told:
            async for one in told:
                if isinstance(one, Page):
                    chars += len(one.text.strip())
                    scanned += one.is_scanned
    except Unreadable as error:
        return error.code
    return "text" if chars else "pictures" if scanned else "no text"


async def read_all(paths: list[Path]) -> dict[Path, tuple[str, float]]:
    found: dict[Path, tuple[str, float]] = {}
    room = anyio.CapacityLimiter(AT_ONCE)

    async def one(path: Path) -> None:
        async with room:
            began_s = time.monotonic()
            found[path] = (await outcome_of(path), time.monotonic() - began_s)

    async with anyio.create_task_group() as group:
        for path in paths:
            group.start_soon(one, path)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    paths = sorted(parser.parse_args().folder.rglob("*.pdf"))
    temporary = Path(tempfile.gettempdir())
    before = set(temporary.glob("avance-*"))
    found = anyio.run(read_all, paths)
    print(f"{len(paths)} files")
    for outcome, count in Counter(outcome for outcome, _ in found.values()).most_common():
        print(f"{count:6d}  {outcome}")
    slowest = sorted(found.items(), key=lambda one: -one[1][1])[:SLOWEST]
    print("slowest: " + ", ".join(f"{path.name} {took_s:.1f} s" for path, (_, took_s) in slowest))
    left = set(temporary.glob("avance-*")) - before
    print(f"{len(left)} temporary files left")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
