"""
Papers of which nothing is timed are read by two processes side by side.
"""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.ocr_pages.damage import damaged
from benchmarks.ocr_pages.engines import Reader, fields_of, ours
from benchmarks.ocr_pages.papers import SPECIMENS
from benchmarks.ocr_pages.score import unaccented, word_f1

PROCESSES = 2
YEAR = 2026
SURE = 95


@dataclass(frozen=True, kw_only=True)
class Job:
    paper: str
    condition: str
    seed: int
    language: str


@dataclass(frozen=True, kw_only=True)
class Told:
    """
    What was read of one paper, beside what stands on it.
    """

    is_kind_right: bool
    wanted: dict[str, str]
    fields: dict[str, str]
    sure: dict[str, int]
    word_f1: float
    doubts: tuple[str, ...]

    def right(self) -> dict[str, bool]:
        """
        Field by field; names are compared without accents.
        """
        return {
            name: unaccented(self.fields.get(name, "")) == unaccented(value)
            for name, value in self.wanted.items()
        }

    def exact(self) -> list[bool]:
        return [self.fields.get(name) == value for name, value in self.wanted.items()]

    def wrong_and_sure(self) -> int:
        return sum(
            not is_right and self.sure.get(name, 0) >= SURE
            for name, is_right in self.right().items()
        )


class Crew:
    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def read(self, jobs: Sequence[Job]) -> list[Told]:
        return list(self._pool.map(_told, jobs))


@contextmanager
def crew(engine: str) -> Iterator[Crew]:
    started = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, started, _begin, (engine,)) as pool:
        yield Crew(pool)


def jobs(paper: str, condition: str, first_seed: int, count: int) -> list[Job]:
    return [
        Job(paper=paper, condition=condition, seed=first_seed + n, language=("es", "en")[n % 2])
        for n in range(count)
    ]


_readers: list[Reader] = []
"""The one of this process, which starts once."""


def _begin(engine: str) -> None:
    _readers.append(ours(engine))


def _told(job: Job) -> Told:
    paper = SPECIMENS[job.paper](job.seed, job.language)
    read = _readers[0](damaged(paper.image, job.condition, job.seed))
    assert read.page is not None
    found = fields_of(read.page, YEAR)
    return Told(
        is_kind_right=found.document_type == paper.kind,
        wanted=dict(paper.fields),
        fields=found.fields,
        sure=found.confidence,
        word_f1=word_f1(paper.text, read.text),
        doubts=found.doubts,
    )
