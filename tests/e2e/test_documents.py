"""
The screens of documents in a real browser against a real server: docs/contract/ingest.md and docs/contract/uploads.md.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from reportlab.pdfgen import canvas

pytestmark = pytest.mark.timeout(180)

LEASE = "# Contrato\n\nEl alquiler vence en marzo y se paga por adelantado.\n"
PAGES = 120
LONG = 60_000


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("contrato.md", "copia.md"):
        (folder / name).write_text(LEASE, encoding="utf-8")
    (folder / "foto.bmp").write_bytes(b"BM" + bytes(64))
    drawn = canvas.Canvas(str(folder / "informe.pdf"))
    for page in range(1, PAGES + 1):
        words = "La tasa portuaria de los veleros sube este año." if page == 17 else "Nada de eso."
        for line in range(40):
            drawn.drawString(
                72, 760 - 16 * line, f"{words} Página {page}, línea {line} del informe."
            )
        drawn.showPage()
    drawn.save()
    return folder


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """
    Files for a batch: some that can be read, one that lies about what it is, and one that takes its time.
    """
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(1, 5):
        text = f"# Acta {number}\n\nEl pienso número {number} llega el martes.\n"
        (folder / f"acta-{number}.md").write_text(text, encoding="utf-8")
    (folder / "roto.pdf").write_bytes(b"%PDF-1.7\n" + bytes(400))
    words = "".join(f"Párrafo {n} del libro mayor, con sus cuentas.\n\n" for n in range(LONG))
    (folder / "largo.md").write_text(words, encoding="utf-8")
    return folder


def _in_order(said: list[str], wanted: list[str]) -> bool:
    remaining = iter(said)
    return all(one in remaining for one in wanted)


def test_files_are_dropped_followed_found_asked_and_deleted(
    systems: Any, drive: Any, files: Path
) -> None:
    """
    000-21, 000-22, 000-24, 000-25, 000-26, 003-10, 003-11, 003-12, 003-T10, 003-T18, and the screens of 3.5; their jobs are watched among all
    others (000-38).
    """
    told = drive("documents.mjs", systems.url, str(files))
    assert told["empty"] == 1
    words = ["Subiendo archivo...", "Analizando documento...", "Indexando contenido..."]
    assert _in_order(told["said"], [f"informe.pdf: {one}" for one in [*words, "Completado"]])
    assert any(" de " in one and one.startswith("informe.pdf: ") for one in told["said"])
    assert told["percent"] == "100"
    assert told["polls"] == 0
    assert told["watched"] == "informe.pdf – avance"
    assert len(told["recent"]) == 2
    assert told["duplicate"] == "Este documento ya estaba en la colección; no se ha añadido nada."
    assert told["unsupported"].startswith("Este tipo de archivo no se lee aquí")
    assert told["cleared"] == 0
    assert told["answer"].startswith("No hay ningún modelo configurado")
    assert told["source"].startswith("informe.pdf, página ")
    assert told["score"].endswith("% de las palabras de la pregunta")
    assert told["after"] == told["before"]
    assert datetime.fromisoformat(told["before"][0]) <= datetime.now(UTC)
    assert "La tasa portuaria de los veleros" in told["cited"]
    assert told["isInView"] is True
    assert told["csv"][0].removeprefix("\ufeff") == "Archivo,Pasajes,Páginas,Idioma,Añadido"
    assert told["found"] == 1
    assert told["isGuarded"] is True
    assert told["english"] == "There are no documents yet"
    assert told["overflow"] == 0
    assert told["axe"] == []
    assert told["foreign"] == []
    assert told["errors"] == []


def test_a_batch_is_filled_followed_cancelled_and_read_again_and_collections_are_chosen(
    systems: Any, drive: Any, many: Path
) -> None:
    """
    The batches of docs/contract/ingest.md, 3.4 and 3.5: files move live (000-21), stay over a reload, and one that fails (003-12) leaves
    the others alone.
    """
    told = drive("batches.mjs", systems.url, str(many))
    assert told["created"] == "Espera archivos"
    assert told["counts"] == "5 0 0 4 1"
    assert told["afterReload"] == told["counts"]
    assert told["bars"] == [*["100"] * 4, "0"]
    assert told["why"]
    assert len(set(told["jobs"])) == 3
    assert told["stillCounted"] == told["counts"]
    assert told["csv"][0].removeprefix("\ufeff") == "Archivo,Estado,Pasajes,Tamaño,Error"
    assert len(told["csv"]) == 6
    assert told["passage"] == "El pienso número 3 llega el martes."
    assert told["underWay"] == 1
    assert told["cancelled"] == "Completado en parte"
    assert told["listed"] == ["Actas"]
    assert told["shelf"] == "40"
    assert told["empty"] == "0"
    assert "collection_exists" in told["taken"]
    assert told["oldName"] == 0
    assert told["shelves"] >= 2
    assert told["chosen"] == "actas"
    assert told["inCollection"] == 4
    assert told["picked"] == "actas"
    assert "https://github.com/owner/name" in told["noRepository"]
    assert "there is no public repository pueblo/nada" in told["notFound"]
    assert told["fetched"] == 2
    assert told["answered"].startswith("acta-3.md")
    assert told["overflow"] == 0
    assert told["axe"] == []
    assert told["foreign"] == []
    assert told["errors"] == []
