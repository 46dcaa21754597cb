"""
What can be true by its own check digits, and nothing else. docs/contract/ocr.md, 3.2.
"""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avance.apps.ocr.fields import checks, mrz

LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def ways(number: int, digit: str) -> list[str]:
    dotted = f"{number:,}".replace(",", ".")
    return [
        f"{dotted}-{digit}",
        f"{number}-{digit.lower()}",
        f"{number}{digit}",
        f"0{number}-{digit}",
    ]


@given(st.integers(100_000, 99_999_999), st.integers(0, 3))
def test_a_rut_is_written_in_one_way(number: int, way: int) -> None:
    digit = checks.rut_digit(str(number))
    found = checks.rut(ways(number, digit)[way])
    assert found == ways(number, digit)[0]
    assert re.fullmatch(r"\d{1,3}(\.\d{3}){1,2}-[\dK]", found or "")


@given(st.integers(100_000, 99_999_999), st.sampled_from("0123456789K"))
def test_of_eleven_check_digits_one_is_right(number: int, digit: str) -> None:
    is_right = digit == checks.rut_digit(str(number))
    assert (checks.rut(f"{number}-{digit}") is not None) == is_right


@given(st.integers(1_000_000, 9_999_999), st.integers(0, 6), st.integers(1, 9))
def test_one_wrong_figure_of_a_rut_is_noticed(number: int, at: int, more: int) -> None:
    text = str(number)
    wrong = text[:at] + str((int(text[at]) + more) % 10) + text[at + 1 :]
    assert checks.rut(f"{wrong}-{checks.rut_digit(text)}") is None


def test_known_ruts() -> None:
    assert checks.rut("12.345.678-5") == "12.345.678-5"
    assert checks.rut("76086428-5") == "76.086.428-5"
    # 10 is written K.
    assert checks.rut("10.000.013-k") == "10.000.013-K"
    assert checks.rut("12.345.678-6") is None
    assert checks.rut("") is None


@given(st.integers(0, 99_999_999))
def test_a_nif_has_the_letter_of_its_number(number: int) -> None:
    right = LETTERS[number % 23]
    assert checks.nif(f"{number:08d}-{right}") == f"{number:08d}{right}"
    wrong = LETTERS[(number + 1) % 23]
    assert checks.nif(f"{number:08d}{wrong}") is None


@given(st.sampled_from("XYZ"), st.integers(0, 9_999_999))
def test_a_nie_counts_its_first_letter(first: str, number: int) -> None:
    whole = "XYZ".index(first) * 10_000_000 + number
    assert checks.nif(f"{first}{number:07d}{LETTERS[whole % 23]}") is not None
    assert checks.nif(f"{first}{number:07d}{LETTERS[(whole + 1) % 23]}") is None


@given(st.sampled_from("ABCDEFGHJNPQRSUVW"), st.integers(0, 9_999_999))
def test_a_cif_ends_in_its_digit_or_its_letter(kind: str, number: int) -> None:
    digits = f"{number:07d}"
    controls = checks.cif_controls(digits)
    right = {one for one in "0123456789ABCDEFGHIJ" if checks.nif(f"{kind}{digits}{one}")}
    assert right == set(controls)


def test_known_numbers_of_spain() -> None:
    for known in ("12345678Z", "X1234567L", "B12345674", "ES-B12345674", "A58818501"):
        assert checks.nif(known), known


def with_check(country: str, account: str) -> str:
    digits = "".join(str(int(char, 36)) for char in f"{account}{country}00")
    return f"{country}{98 - int(digits) % 97:02d}{account}"


@given(st.text("0123456789", min_size=20, max_size=20), st.integers(0, 19), st.integers(1, 9))
def test_an_iban_leaves_one(account: str, at: int, more: int) -> None:
    whole = with_check("ES", account)
    assert checks.iban(whole) == whole
    assert checks.iban(" ".join(whole[n : n + 4] for n in range(0, 24, 4)).lower()) == whole
    wrong = account[:at] + str((int(account[at]) + more) % 10) + account[at + 1 :]
    assert checks.iban(whole[:4] + wrong) is None
    # Too short for its country.
    assert checks.iban(with_check("ES", account[:-1])) is None


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)))
def test_a_date_is_found_however_it_is_written(day: date) -> None:
    spanish = ("ENERO", "FEBRERO", "MARZO", "ABRIL", "MAYO", "JUNIO", "JULIO", "AGOSTO")
    spanish += ("SEPTIEMBRE", "OCTUBRE", "NOVIEMBRE", "DICIEMBRE")
    month = spanish[day.month - 1]
    for text in (
        day.isoformat(),
        f"{day.day:02d}/{day.month:02d}/{day.year}",
        f"{day.day}-{day.month}-{day.year}",
        f"{day.day} de {month.lower()} de {day.year}",
        f"{day.day:02d} {month[:3]} {day.year}",
        f"Santiago, {day.day}.{day.month}.{day.year}, a las 10:30",
        # As engines read it: without the space before the hour, and a figure for a letter.
        f"FECHA: {day.day:02d}/{day.month:02d}/{day.year}21:57",
        f"{day.day} {month[:3].replace('O', '0').replace('I', '1').replace('S', '5')} {day.year}",
        f"{day.isoformat()}T10:30:00Z",
    ):
        assert checks.find_date(text) == day.isoformat(), text


def test_a_date_is_told_from_the_hour_that_touches_it() -> None:
    for text in (
        *("02/10/202519:32", "02/10/2519:32", "02/10/2025:19:32", "2025-10-0219:32"),
        *("0ct 2, 2025 9:32", "Oct 2, 20259:32", "Oct2,2025", "2 0CT 2025", "2 de 0ctubre de 2025"),
    ):
        assert checks.find_date(text) == "2025-10-02", text
    assert checks.find_date("20/08/2021:57") == "2020-08-20"


def test_a_date_that_can_be_none_gives_way_to_one_that_can() -> None:
    assert checks.find_date("45/13/2025 01/02/2026") == "2026-02-01"


@given(st.text(max_size=60))
def test_whatever_is_told_is_a_day(text: str) -> None:
    found = checks.find_date(text)
    assert found is None or date.fromisoformat(found).isoformat() == found


def test_what_is_no_day_is_no_date() -> None:
    for text in (
        "31/02/2024",
        "45/45/2024",
        "2024-13-01",
        "total 1.234,56",
        "12 XYZ 2024",
        "12 460 2025",
    ):
        assert checks.find_date(text) is None, text


@given(st.integers(0, 10**11))
def test_an_amount_is_the_same_in_every_country(cents: int) -> None:
    whole, part = divmod(cents, 100)
    english = f"{whole:,}.{part:02d}"
    spanish = english.translate(str.maketrans(",.", ".,"))
    for text in (english, spanish, f"{whole}.{part:02d}", f"{whole},{part:02d}"):
        assert checks.amounts(text) == [cents], text
    assert checks.money(cents) == f"{whole}.{part:02d}"


@given(st.integers(1, 999_999))
def test_pesos_have_no_cents(thousands: int) -> None:
    assert checks.amounts(f"$ {thousands:,}.990".replace(",", ".")) == [
        (thousands * 1000 + 990) * 100
    ]


def test_what_an_engine_tears_apart_is_one_amount() -> None:
    assert checks.amounts("Swivel chair 29. 23") == [2923]
    assert checks.amounts("CASH 210 .00") == [21_000]
    assert checks.exact_amounts("22/06/2025 12:10 Pan 2 1.234,56 21%") == [123_456]


def test_a_figure_that_looks_like_the_right_letter_is_that_letter() -> None:
    assert checks.nif("31655146 0") == "31655146Q"
    assert checks.nif("316551467") is None


NAME = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=10)


def passport(surname: str, name: str, number: str, born: date, expires: date, sex: str) -> str:
    first = f"P<CHL{surname}<<{name}".ljust(44, "<")[:44]
    birth, expiry = (one.strftime("%y%m%d") for one in (born, expires))
    body = (
        f"{number}{mrz.digit(number)}CHL{birth}{mrz.digit(birth)}{sex}{expiry}{mrz.digit(expiry)}"
    )
    optional = "<" * 14
    whole = body[:10] + body[13:20] + body[21:28] + optional + "0"
    return f"{first}\n{body}{optional}0{mrz.digit(whole)}"


@given(
    NAME,
    NAME,
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=9, max_size=9),
    st.dates(date(1930, 1, 1), date(2025, 1, 1)),
    st.dates(date(2026, 1, 1), date(2045, 1, 1)),
    st.sampled_from("MF"),
)
def test_a_passport_tells_what_was_written_into_it(
    surname: str, name: str, number: str, born: date, expires: date, sex: str
) -> None:
    found = mrz.find(f"PASAPORTE\n{passport(surname, name, number, born, expires, sex)}", year=2026)
    assert found is not None
    assert found.valid == found.checks
    assert (found.surname, found.names, found.number) == (surname, name, number)
    assert found.born == born.isoformat()
    assert (found.expires, found.sex) == (expires.isoformat(), sex)


@given(st.integers(0, 27), st.integers(1, 9))
def test_one_wrong_figure_of_a_passport_is_noticed(at: int, more: int) -> None:
    right = passport("PEREZ", "ANA", "A1B2C3D45", date(1980, 5, 1), date(2030, 5, 1), "F")
    first, second = right.split("\n")
    if not second[at].isdigit():
        return
    wrong = second[:at] + str((int(second[at]) + more) % 10) + second[at + 1 :]
    found = mrz.find(f"{first}\n{wrong}", year=2026)
    assert found is None or found.valid < found.checks


def test_the_specimens_of_icao_9303() -> None:
    td3 = (
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
    )
    found = mrz.find(td3, year=2026)
    assert found is not None
    assert found.valid == found.checks
    assert (found.surname, found.names, found.born) == ("ERIKSSON", "ANNA MARIA", "1974-08-12")
    td1 = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
    card = mrz.find(td1, year=2026)
    assert card is not None
    assert card.valid == card.checks
    assert (card.number, card.expires) == ("D23145890", "2012-04-15")


@given(st.text("ABC<0123456789 \n", max_size=300))
def test_any_text_is_looked_through(text: str) -> None:
    found = mrz.find(text, year=2026)
    assert found is None or found.valid <= found.checks


@pytest.mark.parametrize("days", [0, 1])
def test_an_age_is_never_below_zero(days: int) -> None:
    born = date(2026, 12, 31) + timedelta(days=days)
    right = passport("A", "B", "A1B2C3D45", born, date(2040, 1, 1), "M")
    found = mrz.find(right, year=2026)
    assert found is not None
    assert found.born is not None
    assert int(found.born[:4]) <= 2026
