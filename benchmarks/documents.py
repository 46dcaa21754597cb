"""
Documents: how many pages a CPU-second reads, how soon the first progress is told, how often the right passage is found.
"""

import io
import json
import statistics
import textwrap
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2 as httpx
from reportlab.pdfgen import canvas
from websockets.sync.client import ClientConnection, connect

from benchmarks.harness.places import BENCHMARKS
from benchmarks.harness.process import CORES, TICKS_PER_S
from benchmarks.harness.question import Outcome, Settings, Table, arguments, ask
from benchmarks.harness.servers import Running, avance_server

NAME = "documents"
TITLE = "Documents: reading, telling and finding"
QUESTIONS: Path = BENCHMARKS / "documents_questions.json"
PAGES_PER_CPU_S = 300
FIRST_PROGRESS_MS = 200
UPDATE_MS = 100
RIGHT_FIRST_ES = 0.92
LINES_A_PAGE = 34
FOUND_MAX = 10
PAGES_A_BOOK = 10


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    server = avance_server("avance-documents", cores=set(CORES), environment={})
    with Running(server) as running:
        url = f"http://127.0.0.1:{running.port}"
        with httpx.Client(base_url=url, timeout=120) as http:
            _questions(http, outcome)
            _reading(http, running.process.pid, settings.pick(5, 2), outcome)
            _first_progress(http, settings.pick(30, 5), outcome)
            _updates(http, settings.pick(60, 5), outcome)
    outcome.notes.append(
        "The questions are our own, 104 in each language over 104 passages in one collection; they show that endings, accents and both"
        " languages work, and are no measure to compare with public sets. Each passage is a page of a PDF of ten, and only its own page of its own"
        " file counts as found."
    )
    return outcome


def _questions(http: httpx.Client, outcome: Outcome) -> None:
    sets: dict[str, list[tuple[str, list[str]]]] = json.loads(QUESTIONS.read_text("utf-8"))
    books = [
        (
            "files",
            (f"{language}-{first // PAGES_A_BOOK}.pdf", _book(passages[first:][:PAGES_A_BOOK])),
        )
        for language, passages in sets.items()
        for first in range(0, len(passages), PAGES_A_BOOK)
    ]
    http.post("/initialize", data={"collection_name": "questions"}, files=books).raise_for_status()
    table = Table(
        title="The right page of the right PDF among what is found by words (FTS5, Snowball stems, folded accents), and what an answer cites first",
        columns=("language", "questions", "R@1", "R@5", "R@10", "MRR@10", "cited first", "p50 ms"),
    )
    for language, passages in sets.items():
        ranks, took_ms, cited = [], [], 0
        for number, (_, questions) in enumerate(passages):
            wanted = (f"{language}-{number // PAGES_A_BOOK}.pdf", number % PAGES_A_BOOK + 1)
            for question in questions:
                rank, ms = _rank(http, question, wanted)
                is_cited = _cited(http, question, language) == wanted
                ranks.append(rank)
                took_ms.append(ms)
                cited += is_cited
                told = {"question": question, "rank": rank, "cited": is_cited, "ms": ms}
                outcome.samples.append(told)
        first = _share(ranks, 1)
        mrr = statistics.mean(1 / rank if rank else 0.0 for rank in ranks)
        table.rows.append(
            (
                *(language, len(ranks), first, _share(ranks, 5), _share(ranks, 10), mrr),
                *(cited / len(ranks), statistics.median(took_ms)),
            )
        )
        if language == "es":
            outcome.at_least("right passage first, Spanish", first, RIGHT_FIRST_ES)
    outcome.tables.append(table)


def _book(passages: Sequence[tuple[str, list[str]]]) -> bytes:
    """
    A PDF with a passage on each page.
    """
    buffer = io.BytesIO()
    drawn = canvas.Canvas(buffer)
    for passage, _ in passages:
        for number, line in enumerate(textwrap.wrap(passage, 80)):
            drawn.drawString(60, 780 - 20 * number, line)
        drawn.showPage()
    drawn.save()
    return buffer.getvalue()


def _cited(http: httpx.Client, question: str, language: str) -> tuple[str, int] | None:
    """
    File and page of the first source of an answer.
    """
    body = {"query": question, "language": language, "collection": "questions"}
    sources = http.post("/query", json=body).raise_for_status().json()["sources"]
    return (sources[0]["source"], sources[0]["page"]) if sources else None


def _rank(http: httpx.Client, question: str, wanted: tuple[str, int]) -> tuple[int, float]:
    """
    The place of the wanted page from 1, or 0 where it is not found.
    """
    body = {"query": question, "k": FOUND_MAX, "collection_name": "questions"}
    began_s = time.monotonic()
    answer = http.post("/search", json=body)
    ms = (time.monotonic() - began_s) * 1000
    documents = answer.raise_for_status().json()["documents"]
    sources = [(one["source"], one["metadata"]["page"]) for one in documents]
    return (sources.index(wanted) + 1 if wanted in sources else 0), ms


def _share(ranks: list[int], most: int) -> float:
    return sum(0 < rank <= most for rank in ranks) / len(ranks)


def _reading(http: httpx.Client, pid: int, rounds: int, outcome: Outcome) -> None:
    table = Table(
        title="A PDF of 500 pages from the upload to its last indexed passage; all processes counted",
        columns=("round", "pages", "passages", "wall s", "CPU s", "pages per CPU-second"),
    )
    for number in range(rounds):
        data, pages = _pdf(number, 500), 500
        before_s, began_s = _cpu_s(pid), time.monotonic()
        answer = http.post(
            "/ingest", params={"async": "false"}, files={"file": ("big.pdf", data)}
        ).raise_for_status()
        wall_s, cpu_s = time.monotonic() - began_s, _cpu_s(pid) - before_s
        row = (number + 1, pages, answer.json()["chunks"], wall_s, cpu_s, pages / cpu_s)
        table.rows.append(row)
        outcome.samples.append(dict(zip(table.columns, row, strict=True)))
    outcome.tables.append(table)
    middle = statistics.median(pages / cpu_s for _, pages, _, _, cpu_s, _ in table.rows)  # type: ignore[operator]
    outcome.at_least("pages per CPU-second, end to end", middle, PAGES_PER_CPU_S)


def _first_progress(http: httpx.Client, rounds: int, outcome: Outcome) -> None:
    took_ms = []
    for number in range(rounds):
        data = _pdf(1_000 + number, 20)
        answer = http.post("/upload", files={"files": ("small.pdf", data)}).raise_for_status()
        # The last byte was sent before this; the server's answer is all that lies between.
        began_s = time.monotonic() - answer.elapsed.total_seconds()
        upload_id = answer.json()["upload_id"]
        address = f"{str(http.base_url).replace('http', 'ws', 1).rstrip('/')}/ws/{upload_id}"
        with connect(address) as socket:
            for frame in _frames(socket):
                if frame["status"] not in ("received",):
                    took_ms.append((time.monotonic() - began_s) * 1000)
                    break
            for _ in _frames(socket):
                pass
    table = Table(
        title="From the sending of the upload to the first progress at a client that connects after the answer",
        columns=("uploads", "p50 ms", "worst ms"),
    )
    table.rows.append((len(took_ms), statistics.median(took_ms), max(took_ms)))
    outcome.tables.append(table)
    outcome.samples += [{"first_progress_ms": ms} for ms in took_ms]
    outcome.at_most("first progress, worst of all uploads", max(took_ms), FIRST_PROGRESS_MS, " ms")


def _updates(http: httpx.Client, rounds: int, outcome: Outcome) -> None:
    took_ms = []
    for number in range(rounds):
        data = _pdf(2_000 + number, 20)
        answer = http.post("/ingest", files={"file": ("small.pdf", data)}).raise_for_status()
        job_id = answer.json()["job_id"]
        address = f"{str(http.base_url).replace('http', 'ws', 1).rstrip('/')}/ws/jobs/{job_id}"
        opened_ms = time.time() * 1000
        with connect(address) as socket:
            for frame in _frames(socket):
                heard_ms = time.time() * 1000
                told = frame.get("timestamp")
                stored_ms = datetime.fromisoformat(told).timestamp() * 1000 if told else 0.0
                # What was stored before is replayed, and tells how late the client came.
                if stored_ms > opened_ms:
                    took_ms.append(heard_ms - stored_ms)
    took_ms.sort()
    p99 = took_ms[min(len(took_ms) - 1, round(0.99 * len(took_ms)))]
    table = Table(
        title="From the moment that an update of /ws/jobs/{id} bears to its client, 000-27; both have the clock of this machine, in whole milliseconds",
        columns=("updates", "p50 ms", "p99 ms", "worst ms"),
    )
    table.rows.append((len(took_ms), statistics.median(took_ms), p99, took_ms[-1]))
    outcome.tables.append(table)
    outcome.samples += [{"update_ms": ms} for ms in took_ms]
    outcome.at_most("an update, p99", p99, UPDATE_MS, " ms")


def _frames(socket: ClientConnection) -> Iterator[dict[str, Any]]:
    for text in socket:
        yield json.loads(text)


def _pdf(seed: int, pages: int) -> bytes:
    buffer = io.BytesIO()
    drawn = canvas.Canvas(buffer)
    for page in range(pages):
        for line in range(LINES_A_PAGE):
            words = f"Sección {seed}.{page}.{line}: el contrato de arrendamiento número {seed * page + line}"
            drawn.drawString(60, 780 - 20 * line, f"{words} se renueva cada año si nadie avisa.")
        drawn.showPage()
    drawn.save()
    return buffer.getvalue()


def _cpu_s(pid: int) -> float:
    """
    Of a server and of all its children, also of those that have ended: each file is read in a child of its own.
    """
    total = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(entry.name) == pid or int(stat[1]) == pid:
            # user, system, and both of children that were waited for
            total += sum(int(one) for one in stat[11:15])
    return total / TICKS_PER_S


if __name__ == "__main__":
    # Without the peers and the load generator, which this question does not need.
    ask(NAME, TITLE, measure, Settings(quick=arguments(TITLE).parse_args().quick))
