"""
What an engine takes by itself, in a process of its own: `python -m benchmarks.ocr_pages.footprint <engine> <pages>` prints one JSON line.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.harness.question import Table
from benchmarks.ocr_pages.engines import bare_rapid, bare_tesseract, ours
from benchmarks.ocr_pages.letters import letter

SEED = 2_026_112_900
READERS = {
    "avance, tesseract": lambda: ours("tesseract"),
    "bare tesseract": bare_tesseract,
    "avance, rapidocr": lambda: ours("rapidocr"),
    "bare rapidocr": bare_rapid,
}


def table(names: tuple[str, ...], pages: int) -> Table:
    """
    One row for each engine: clean pages of 300 dpi, one after the other.
    """
    rows = [_measured(name, pages) for name in names]
    return Table(
        title="One engine in one process, clean Spanish pages of 300 dpi; pages a minute of processor time",
        columns=("engine", "pages", "wall s a page", "CPU s a page", "pages a CPU min", "peak MiB"),
        rows=rows,
    )


def _measured(name: str, pages: int) -> tuple[str | int | float, ...]:
    command = [sys.executable, "-m", "benchmarks.ocr_pages.footprint", name, str(pages)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    cpu_s = told["cpu_s"] / pages
    wall_s = told["wall_s"] / pages
    return name, pages, round(wall_s, 2), round(cpu_s, 2), round(60 / cpu_s, 1), told["peak_mib"]


def _peak_kib() -> int:
    # `ru_maxrss` of a process that was just started is that of the one that started it.
    lines = Path("/proc/self/status").read_text().splitlines()
    [peak] = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    return peak


def main() -> int:
    name, pages = sys.argv[1], int(sys.argv[2])
    read = READERS[name]()
    images = [letter("es", SEED + number)[0] for number in range(pages)]
    began_s, cpu_began_s = time.monotonic(), time.process_time()
    for image in images:
        read(image)
    told = {
        "wall_s": time.monotonic() - began_s,
        "cpu_s": time.process_time() - cpu_began_s,
        "peak_mib": _peak_kib() >> 10,
    }
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
