"""
Real files of every kind, and files that want to do harm, each read in a child of its own.
"""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from pdf_files import flate_bomb, pdf, thin_pdf

from avance.apps.reading import About, Kind, Page, ReadingLimits, Unreadable, read_file, render_page
from avance.apps.reading.sandbox import Sandbox

SMALL = ReadingLimits(memory_bytes_max=1_073_741_824, cpu_s_max=5, wall_s_max=15)

pytestmark = pytest.mark.timeout(60)


def docx(body: str, **more: str) -> bytes:
    buffer = io.BytesIO()
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    parts = {
        "[Content_Types].xml": (
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="xml" ContentType="application/xml"/></Types>'
        ),
        "_rels/.rels": (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1"'
            ' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>'
        ),
        "word/document.xml": f'<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>',
        **more,
    }
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as container:
        for name, text in parts.items():
            container.writestr(name, text)
    return buffer.getvalue()


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "file"
        path.write_bytes(data)
        return path

    return write


async def read(path: Path, kind: Kind, limits: ReadingLimits = SMALL) -> list[About | Page]:
    return [one async for one in read_file(path, kind, limits)]


async def test_a_pdf_is_read_page_by_page_with_what_it_says_of_itself(put) -> None:
    about, *pages = await read(put(pdf("first page", "second page", title="Manual")), Kind.PDF)
    assert about == About(pages=2, title="Manual", author="anonymous", created=about.created)
    assert about.created is not None
    assert about.created[:2] == "20"
    assert [(page.number, page.text.strip()) for page in pages] == [
        (1, "first page"),
        (2, "second page"),
    ]


async def test_a_docx_gives_its_headings_tables_and_author(put) -> None:
    body = (
        "<w:p><w:r><w:t>Título</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>celda</w:t></w:r></w:p></w:tc>"
        "<w:tc><w:p><w:r><w:t>otra</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
    )
    core = (
        '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Informe</dc:title><dc:creator>Ana</dc:creator></cp:coreProperties>'
    )
    about, page = await read(put(docx(body, **{"docProps/core.xml": core})), Kind.DOCX)
    assert about == About(pages=1, title="Informe", author="Ana")
    assert page.text.split("\n") == ["Título", "celda", "otra"]


async def test_html_gives_what_a_reader_sees(put) -> None:
    data = b"<html><head><title>Guide</title><style>p{}</style></head><body><h1>One</h1><p>two <b>three</b></p><script>x()</script>"
    about, page = await read(put(data), Kind.HTML)
    assert about.title == "Guide"
    assert page.text == "One\ntwo three"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
async def test_text_is_read_in_the_encodings_that_people_have(encoding: str, put) -> None:
    _, page = await read(put("El niño comió piñones".encode(encoding)), Kind.TEXT)
    assert page.text == "El niño comió piñones"


async def test_a_page_becomes_an_image(put, tmp_path: Path) -> None:
    drawn = await render_page(put(pdf("page")), 1, tmp_path / "page.png", dpi=72)
    assert (drawn.width, drawn.height) == (596, 842)
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(Unreadable, match="no page 2"):
        await render_page(put(pdf("page")), 2, tmp_path / "page.png")


@pytest.mark.parametrize(
    ("kind", "data", "code"),
    [
        (Kind.PDF, pdf("secret", password="x"), "document_encrypted"),
        (Kind.PDF, pdf("page")[:200], "document_damaged"),
        (Kind.PDF, b"%PDF-1.7\n" + bytes(range(256)) * 20, "document_damaged"),
        (Kind.DOCX, docx("<w:p>")[:300], "document_damaged"),
        (Kind.DOCX, docx("</w:body><broken>"), "document_damaged"),
        (Kind.XLSX, docx(""), "document_damaged"),
        (Kind.TEXT, b"\0\0", "document_empty"),
    ],
)
async def test_a_file_that_cannot_be_read_says_why(kind: Kind, data: bytes, code: str, put) -> None:
    with pytest.raises(Unreadable) as refused:
        await read(put(data), kind)
    assert refused.value.code == code


async def test_entities_that_double_themselves_are_refused(put) -> None:
    lol = '<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
    )
    core = f"<!DOCTYPE x [{lol}]><x>&j;</x>"
    with pytest.raises(Unreadable) as refused:
        await read(put(docx("<w:p/>", **{"docProps/core.xml": core})), Kind.DOCX)
    assert refused.value.code in ("document_bomb", "document_damaged")


async def test_a_page_that_unpacks_to_gigabytes_ends_its_child_and_nothing_else(put) -> None:
    limits = ReadingLimits(memory_bytes_max=300_000_000, cpu_s_max=5, wall_s_max=15)
    with pytest.raises(Unreadable) as refused:
        await read(put(flate_bomb(400_000_000)), Kind.PDF, limits)
    assert refused.value.code in ("document_crashed", "document_timeout", "document_too_large")


async def test_exactly_as_many_pages_as_are_allowed_are_read_to_the_last(put) -> None:
    """
    20,000, in a child with a quarter of the memory that it may have.
    """
    limits = ReadingLimits(memory_bytes_max=268_435_456)
    about, *pages = await read(put(thin_pdf(limits.pages_max)), Kind.PDF, limits)
    assert isinstance(about, About)
    assert about.pages == limits.pages_max == 20_000
    assert [page.number for page in pages] == list(range(1, 20_001))
    assert {page.text for page in pages} == {"One of very many pages."}


async def test_too_many_pages_are_refused(put) -> None:
    with pytest.raises(Unreadable, match="3 pages; the limit is 2") as refused:
        await read(put(pdf("a", "b", "c")), Kind.PDF, ReadingLimits(pages_max=2))
    assert refused.value.code == "document_too_large"


async def test_a_child_that_hangs_is_ended(put) -> None:
    limits = ReadingLimits(wall_s_max=0.5)
    with pytest.raises(Unreadable) as refused:
        async for _ in Sandbox(limits).run("time:sleep", {"secs": 60}):
            pass
    assert refused.value.code in ("document_timeout", "document_crashed")


async def test_leaving_early_ends_the_child(put) -> None:
    before = children()
    # More than pipes hold: it cannot end by itself.
    pages = read_file(put(thin_pdf(10_000)), Kind.PDF)
    async for _ in pages:
        break
    assert len(children() - before) == 1
    await pages.aclose()
    assert children() <= before


async def test_a_crowd_of_files_is_read_a_few_at_a_time(put) -> None:
    path, most = put(pdf(*[f"page {n}" for n in range(30)])), 0
    before = children()

    async def one() -> None:
        nonlocal most
        async for _ in read_file(path, Kind.PDF):
            most = max(most, len(children() - before))

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(one)
    assert 1 <= most <= ReadingLimits().children_max


def children() -> set[str]:
    return {pid for task in Path("/proc/self/task").iterdir() for pid in _children_of(task)}


def _children_of(task: Path) -> list[str]:
    try:
        return (task / "children").read_text().split()
    except FileNotFoundError:
        # A thread of an earlier test that has ended meanwhile.
        return []
