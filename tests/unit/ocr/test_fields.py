"""
Fields out of words and their places, without any engine.
"""

import pytest
from PIL import Image

from avance.apps.ocr.engines.tesseract import with_dieresis
from avance.apps.ocr.engines.words import Word, mean_confidence, sure
from avance.apps.ocr.engines.zone import with_zone
from avance.apps.ocr.fields.extract import Found, extract
from avance.apps.ocr.fields.kinds import INVOICE, LICENCE, PASSPORT, RECEIPT, classify

HEIGHT = 30.0


def words(*lines: str, slope: float = 0.0) -> list[Word]:
    """
    Lines of words; two spaces are a wide gap. A slope is that of a page that lies askew.
    """
    found = []
    for number, line in enumerate(lines):
        for at, part in enumerate(line.split(" ")):
            if part:
                left = 20.0 * (len(" ".join(line.split(" ")[:at])) + 1)
                top = 60.0 * number + slope * left
                found.append(
                    Word(
                        text=part,
                        confidence=0.96,
                        left=left,
                        top=top,
                        right=left + 20.0 * len(part),
                        bottom=top + HEIGHT,
                        line=number,
                    )
                )
    return found


def read(kind: str, *lines: str, slope: float = 0.0) -> Found:
    return extract([words(*lines, slope=slope)], kind, year=2026)


INVOICE_LINES = (
    "Suministros S.L.",
    "Factura N2: 2026-17",
    "Fecha: 15/03/2026",
    "Papel                    100,00",
    "Base imponible           100,00",
    "IVA 21%                   21,00",
    "Total factura            121,00",
)


def test_lines_of_a_page_askew_are_not_mixed_up() -> None:
    straight, askew = (read(INVOICE, *INVOICE_LINES, slope=slope) for slope in (0.0, 0.09))
    assert straight.fields == askew.fields
    assert straight.fields["total"] == "121.00"
    assert straight.fields["numero"] == "2026-17"
    assert straight.confidence["total"] == 97


def test_a_sum_that_does_not_add_up_is_a_doubt_and_no_field_of_it_is_sure() -> None:
    found = read(INVOICE, *INVOICE_LINES[:-1], "Total factura            131,00")
    assert found.doubts == ("total_is_base_plus_tax",)
    assert found.confidence["total"] <= 90


def test_a_receipt_proves_its_total() -> None:
    lines = ("TICKET", "FECHA: 22/06/2025 12:10", "Pan         1,20", "Leche       2,30")
    proven = read(RECEIPT, *lines, "TOTAL", "          3,50", "EFECTIVO  5,00", "CAMBIO  1,50")
    assert (proven.fields["total"], proven.confidence["total"]) == ("3.50", 97)
    # Higher than its word, as on a photograph from the side.
    high = read(RECEIPT, *lines, "          3,50", "TOTAL", "EFECTIVO  5,00", "CAMBIO  1,50")
    assert (high.fields["total"], high.confidence["total"]) == ("3.50", 97)
    alone = read(RECEIPT, "TICKET", "TOTAL  9,99")
    assert (alone.fields["total"], alone.confidence["total"]) == ("9.99", 90)
    other = read(RECEIPT, "TICKET", "TOTAL", "EFECTIVO  5,00")
    assert "total" not in other.fields


ZONE = (
    "P<CHLTAPIA<CORDERO<<LUCIA<NICOLAS<<<<<<<<<<<",
    "Y617958358CHL7512227F3304031<<<<<<<<<<<<<<08",
)
SEEN = ("PASAPORTE / PASSPORT", "APELLIDOS / SURNAME", "TAPIA CORDERO", "NOMBRES", "LUCÍA NICOLÁS")


def test_names_above_the_zone_keep_their_accents_and_two_witnesses_are_sure() -> None:
    found = read(PASSPORT, *SEEN, *ZONE)
    assert found.fields["nombre_completo"] == "LUCÍA NICOLÁS TAPIA CORDERO"
    assert found.fields["numero_pasaporte"] == "Y61795835"
    assert found.confidence["numero_pasaporte"] == 90
    agreed = read(PASSPORT, "PASAPORTE N° / PASSPORT NO", "Y61795835", *SEEN, *ZONE)
    assert agreed.confidence["numero_pasaporte"] == 97
    wrong = read(PASSPORT, *SEEN, ZONE[0], ZONE[1].replace("7512227", "7512228"))
    assert wrong.doubts == ("mrz_check_digits",)


def test_labels_that_are_written_without_spaces_are_known() -> None:
    """Spaces around a stroke are the first that an engine loses."""
    found = read(
        PASSPORT,
        "PASAPORTE N°/PASSPORT NO",
        "Y61795835",
        "APELLIDOS/SURNAME",
        "TAPIA MUÑOZ",
        "NOMBRES/GIVEN NAMES",
        "LUCÍA",
        "NACIONALIDAD/NATIONALITY SEXO/SEX",
        "CHILENA                  F",
    )
    assert found.fields == {
        "nombre_completo": "LUCÍA TAPIA MUÑOZ",
        "numero_pasaporte": "Y61795835",
        "nacionalidad": "CHILENA",
        "sexo": "F",
    }
    close = read(INVOICE, "Factura Nº:2026/17", "Fecha:19/01/2023", "Total:121,00", "Visto:9")
    assert (close.fields["numero"], close.fields["fecha"]) == ("2026/17", "2023-01-19")
    assert close.fields["total"] == "121.00"
    kept = read(LICENCE, "LICENCIA DE CONDUCIR", "DIRECCIÓN", "CALLE SOTO S/N")
    assert kept.fields["direccion"] == "CALLE SOTO S/N"


def test_the_zone_tells_where_a_name_has_its_spaces() -> None:
    found = read(PASSPORT, "APELLIDOS", "TAPIACORDERO", "NOMBRES", "LUCÍANICOLÁS", *ZONE)
    assert found.fields["nombre_completo"] == "LUCÍA NICOLÁS TAPIA CORDERO"
    assert found.confidence["nombre_completo"] == 97


def test_a_number_that_touches_its_label_is_found() -> None:
    found = read(LICENCE, "LICENCIA DE CONDUCIR", "RUN12.345.678-5")
    assert found.fields["rut"] == "12.345.678-5"


def test_the_zone_is_read_again_and_the_better_reading_kept() -> None:
    """Where the second reading has more right check digits, and only there."""
    image = Image.new("L", (1_200, 400), 255)
    poor = [
        ZONE[0].replace("<<LUCIA", "<KLUCIA"),
        ZONE[1].replace("75122", "7S1Z2").replace("04031", "0A031"),
    ]
    better = with_zone(words("PASAPORTE", *poor), image, lambda _: list(ZONE))
    assert [word.text for word in better] == ["PASAPORTE", *ZONE]
    kept = with_zone(words("PASAPORTE", *ZONE), image, lambda _: poor)
    assert [word.text for word in kept] == ["PASAPORTE", *ZONE]


def test_kinds_are_known_by_their_words() -> None:
    assert classify("FACTURA Nº 7\nBASE IMPONIBLE 3") == INVOICE
    assert classify("Sales receipt\nCash 5.00") == RECEIPT
    assert classify("CERTIFICADO DE NACIMIENTO") == "Certificado de Nacimiento"
    assert classify("Dear Sir") == "Otro / Desconocido"


def test_a_page_that_was_mostly_not_read_never_looks_sure() -> None:
    few = words("TOTAL  CASH")
    assert mean_confidence(few) > 0.95
    assert sure(mean_confidence(few), 0.4) < 0.7
    assert sure(mean_confidence(few), 0.95) == mean_confidence(few)


def test_between_g_and_e_or_i_stands_a_dieresis() -> None:
    assert with_dieresis("pingúino, vergúenza; GÚELVA") == "pingüino, vergüenza; GÚELVA"
    assert with_dieresis("algún según gusté") == "algún según gusté"


@pytest.mark.parametrize(
    ("written", "read_as"),
    [("C", "C"), ("Cc", "C"), ("A-2", "A2"), ("A 1 B", "A1 B"), ("a3, D", "A3 D")],
)
def test_classes_of_a_licence_are_those_that_there_are(written: str, read_as: str) -> None:
    """One large letter by itself is read twice by some engines, or as the sign that looks like it."""
    found = read(LICENCE, "LICENCIA DE CONDUCIR", f"CLASE  {written}")
    assert found.fields["categoria"] == read_as
    sign = read(LICENCE, "LICENCIA DE CONDUCIR", "CLASE", "€")
    assert sign.fields["categoria"] == "C"
    assert "categoria" not in read(LICENCE, "LICENCIA DE CONDUCIR", "CLASE  XYZ").fields


@pytest.mark.parametrize(
    ("rate", "base"), [("21%", "100.00"), ("21,0 %", "100.00"), ("10%", None), ("", None)]
)
def test_a_base_that_was_not_read_follows_from_total_tax_and_rate(
    rate: str, base: str | None
) -> None:
    """Only where the rate that stands there makes that tax of it."""
    lines = [line for line in INVOICE_LINES if not line.startswith(("Base", "IVA"))]
    found = read(INVOICE, *lines[:-1], "Base imponible", f"IVA {rate}           21,00", lines[-1])
    assert found.fields["total"] == "121.00"
    if base is None:
        assert found.confidence.get("base", 0) <= 90
    else:
        assert found.fields["base"] == base
        assert found.confidence["base"] == 97
        assert found.doubts == ()


def test_a_total_that_nobody_can_read_is_what_was_bought_and_what_was_paid() -> None:
    lines = ["SALES RECEIPT", "Whole milk  16.60", "Brown bread  75.30", "TOTAL  9I:?0"]
    found = read(RECEIPT, *lines, "CASH  100.00", "CHANGE  8.10")
    assert found.fields["total"] == "91.90"
    assert found.confidence["total"] == 97
    short = read(RECEIPT, *lines, "CASH  100.00", "CHANGE  8.00")
    assert short.fields.get("total") != "91.90"
