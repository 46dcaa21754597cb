"""
Invoices, receipts and identity specimens of people and firms that do not exist, and the fields that stand on each.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from PIL import Image, ImageDraw, ImageFilter

from benchmarks.ocr_pages.letters import font_of

NAMES = [
    "ANA",
    "LUCÍA",
    "TOMÁS",
    "INÉS",
    "BRUNO",
    "ELENA",
    "MATEO",
    "JOSÉ",
    "SOFÍA",
    "NICOLÁS",
    "RENATA",
    "ÍÑIGO",
    "BEGOÑA",
    "JULIÁN",
]
SURNAMES = [
    "SOTO",
    "MUÑOZ",
    "ROJAS",
    "ACUÑA",
    "VÁSQUEZ",
    "LEÓN",
    "PIZARRO",
    "TAPIA",
    "CORDERO",
    "ESPÍNOLA",
    "BRAVO",
    "QUIROGA",
    "PEÑA",
]
FIRMS = [
    "Almacenes Robledo",
    "Suministros Ñandú",
    "Talleres Vidal",
    "Northgate Supplies",
    "Harbour Books",
    "Cobalt Foods",
]
MONTHS = ["ENE", "FEB", "MAR", "ABR", "MAY", "JUN", "JUL", "AGO", "SEP", "OCT", "NOV", "DIC"]
GOODS = {
    "es": [
        "Papel de oficina",
        "Tóner negro",
        "Silla giratoria",
        "Pan integral",
        "Leche entera",
        "Café molido",
        "Tornillos",
    ],
    "en": [
        "Office paper",
        "Black toner",
        "Swivel chair",
        "Brown bread",
        "Whole milk",
        "Ground coffee",
        "Screws",
    ],
}
NIF_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


@dataclass(frozen=True, kw_only=True)
class Paper:
    kind: str
    """The type of the contract."""
    image: Image.Image
    fields: Mapping[str, str]
    text: str
    """Everything that is written on it."""


class _Sheet:
    def __init__(self, width: int, height: int, paper: int = 255) -> None:
        self.image = Image.new("L", (width, height), paper)
        self.pen = ImageDraw.Draw(self.image)
        self.written: list[str] = []

    def put(self, x: int, y: int, text: str, size: int, font: str = "DejaVuSans") -> None:
        self.written.append(text)
        self.pen.text((x, y), text, fill=15, font=font_of(font, size))

    def right(self, x: int, y: int, text: str, size: int, font: str = "DejaVuSans") -> None:
        self.written.append(text)
        made = font_of(font, size)
        self.pen.text((x - made.getlength(text), y), text, fill=15, font=made)

    def paper(self, kind: str, fields: Mapping[str, str]) -> Paper:
        return Paper(kind=kind, image=self.image, fields=fields, text="\n".join(self.written))


def _day(chance: random.Random, first: date, last: date) -> date:
    return first + timedelta(days=chance.randrange((last - first).days))


def rut(chance: random.Random) -> str:
    number = chance.randint(5_000_000, 26_000_000)
    total = sum(int(one) * (2 + at % 6) for at, one in enumerate(reversed(str(number))))
    digit = {11: "0", 10: "K"}.get(11 - total % 11, str(11 - total % 11))
    return f"{number:,}".replace(",", ".") + f"-{digit}"


def _nif(chance: random.Random) -> str:
    number = chance.randrange(100_000_000)
    return f"{number:08d}{NIF_LETTERS[number % 23]}"


def _iban(chance: random.Random) -> str:
    account = "".join(str(chance.randrange(10)) for _ in range(20))
    check = 98 - int(f"{account}142800") % 97
    return f"ES{check:02d}{account}"


def _money(cents: int, language: str) -> str:
    text = f"{cents // 100:,}.{cents % 100:02d}"
    return text if language == "en" else text.translate(str.maketrans(",.", ".,"))


def invoice(seed: int, language: str) -> Paper:
    chance = random.Random(f"invoice {language} {seed}")
    sheet = _Sheet(1_654, 2_000)
    font = chance.choice(("DejaVuSans", "DejaVuSerif", "DejaVuSansCondensed"))
    firm = chance.choice(FIRMS) + (" S.L." if language == "es" else " Ltd")
    day, number = (
        _day(chance, date(2023, 1, 1), date(2026, 6, 1)),
        f"{chance.randint(2023, 2026)}-{chance.randint(100, 9_999)}",
    )
    goods = [
        (chance.choice(GOODS[language]), chance.randint(150, 90_000))
        for _ in range(chance.randint(2, 7))
    ]
    base = sum(cents for _, cents in goods)
    rate = chance.choice((4, 10, 21) if language == "es" else (5, 20))
    tax = round(base * rate / 100)
    mark = " €" if language == "es" else ""
    sheet.put(110, 90, firm, 46, font)
    fields = {"numero": number, "fecha": day.isoformat()}
    if language == "es":
        nif, iban = _nif(chance), _iban(chance)
        fields |= {"nif": nif, "iban": iban}
        heads = [("NIF", nif), ("Factura Nº", number), ("Fecha", day.strftime("%d/%m/%Y"))]
        words = (
            "Base imponible",
            f"IVA {rate}%",
            chance.choice(("Total factura", "TOTAL A PAGAR", "Importe total")),
        )
        sheet.put(
            110, 1_800, "IBAN " + " ".join(iban[at : at + 4] for at in range(0, 24, 4)), 32, font
        )
    else:
        heads = [
            ("Invoice number", number),
            ("Invoice date", f"{day.day} {day.strftime('%B')} {day.year}"),
        ]
        words = (
            "Subtotal",
            f"VAT {rate}%",
            chance.choice(("Total due", "Amount due", "Grand total")),
        )
        sheet.put(110, 1_800, "INVOICE · payment within 30 days", 32, font)
    is_beside = chance.random() < 0.5
    for at, (label, value) in enumerate(heads):
        if is_beside:
            sheet.put(110, 190 + 60 * at, f"{label}: {value}", 34, font)
        else:
            sheet.put(110 + 480 * at, 190, label, 30, font)
            sheet.put(110 + 480 * at, 245, value, 34, font)
    y = 520
    for name, cents in goods:
        sheet.put(110, y, name, 34, font)
        sheet.right(1_540, y, _money(cents, language), 34, font)
        y += 70
    sheet.pen.line((900, y + 20, 1_540, y + 20), fill=60, width=3)
    for label, cents in zip(words, (base, tax, base + tax), strict=True):
        y += 75
        sheet.put(900, y, label, 36, font)
        sheet.right(1_540, y, _money(cents, language) + mark, 36, font)
    plain = ((base, "base"), (tax, "impuesto"), (base + tax, "total"))
    fields |= {name: f"{cents // 100}.{cents % 100:02d}" for cents, name in plain}
    return sheet.paper("Factura", fields)


def receipt(seed: int, language: str) -> Paper:
    chance = random.Random(f"receipt {language} {seed}")
    goods = [
        (chance.choice(GOODS[language]), chance.randint(90, 4_000))
        for _ in range(chance.randint(3, 9))
    ]
    total = sum(cents for _, cents in goods)
    sheet = _Sheet(640, 620 + 46 * len(goods), chance.randint(225, 250))
    mono = chance.choice(("DejaVuSansMono", "DejaVuSansMono-Bold"))
    day = _day(chance, date(2023, 1, 1), date(2026, 6, 1))
    sheet.put(60, 40, chance.choice(FIRMS).upper(), 32, mono)
    sheet.put(60, 90, "TICKET DE COMPRA" if language == "es" else "SALES RECEIPT", 26, mono)
    written = (
        day.strftime("%d/%m/%Y")
        if language == "es"
        else f"{day.strftime('%b')} {day.day}, {day.year}"
    )
    sheet.put(
        60,
        140,
        f"{'FECHA' if language == 'es' else 'DATE'}: {written} {chance.randint(9, 21)}:{chance.randint(10, 59)}",
        24,
        mono,
    )
    y = 210
    for name, cents in goods:
        sheet.put(60, y, name, 24, mono)
        sheet.right(580, y, _money(cents, language), 24, mono)
        y += 46
    given = (total // 1_000 + 1) * 1_000
    words = ("TOTAL", "EFECTIVO", "CAMBIO") if language == "es" else ("TOTAL", "CASH", "CHANGE")
    for word, cents, size in zip(words, (total, given, given - total), (32, 24, 24), strict=True):
        y += 56
        sheet.put(60, y, word, size, mono)
        sheet.right(580, y, _money(cents, language), size, mono)
    sheet.put(60, y + 90, "GRACIAS POR SU COMPRA" if language == "es" else "THANK YOU", 24, mono)
    fields = {"fecha": day.isoformat(), "total": f"{total // 100}.{total % 100:02d}"}
    return sheet.paper("Recibo", fields)


class _Person:
    def __init__(self, chance: random.Random) -> None:
        self.names = " ".join(chance.sample(NAMES, 2))
        self.surnames = chance.sample(SURNAMES, 2)
        self.rut = rut(chance)
        self.sex = chance.choice("FM")
        self.born = _day(chance, date(1945, 1, 1), date(2006, 1, 1))
        self.issued = _day(chance, date(2019, 1, 1), date(2026, 1, 1))
        self.expires = date(self.issued.year + 10, self.issued.month, min(self.issued.day, 28))
        self.number = (
            f"{chance.randint(100, 999)}.{chance.randint(100, 999)}.{chance.randint(100, 999)}"
        )


def _written(day: date) -> str:
    return f"{day.day:02d} {MONTHS[day.month - 1]} {day.year}"


def _card(chance: random.Random) -> _Sheet:
    """
    With a pattern behind the words and a grey place for the picture.
    """
    sheet = _Sheet(1_012, 640, 236)
    for at in range(0, 1_012, 14):
        sheet.pen.line((at, 0, at + chance.randint(-60, 60), 640), fill=222, width=2)
    sheet.image = sheet.image.filter(ImageFilter.GaussianBlur(1.5))
    sheet.pen = ImageDraw.Draw(sheet.image)
    sheet.pen.rectangle((40, 180, 300, 520), fill=150)
    return sheet


def _pairs(sheet: _Sheet, rows: list[list[tuple[str, str]]], x: int, y: int, step: int) -> None:
    for row in rows:
        for at, (label, value) in enumerate(row):
            sheet.put(x + 340 * at, y, label, 17)
            sheet.put(x + 340 * at, y + 22, value, 26, "DejaVuSans-Bold")
        y += step


def card_front(seed: int, _: str) -> Paper:
    chance = random.Random(f"front {seed}")
    one, sheet = _Person(chance), _card(chance)
    sheet.put(330, 25, "REPÚBLICA DE CHILE", 24)
    sheet.put(330, 58, "SERVICIO DE REGISTRO CIVIL E IDENTIFICACIÓN", 18)
    sheet.put(40, 60, "CÉDULA DE IDENTIDAD", 24)
    sheet.put(330, 120, "APELLIDOS", 17)
    sheet.put(330, 142, one.surnames[0], 26, "DejaVuSans-Bold")
    sheet.put(330, 174, one.surnames[1], 26, "DejaVuSans-Bold")
    rows = [
        [("NOMBRES", one.names)],
        [("NACIONALIDAD", "CHILENA"), ("SEXO", one.sex)],
        [("FECHA DE NACIMIENTO", _written(one.born)), ("NÚMERO DOCUMENTO", one.number)],
        [
            ("FECHA DE EMISIÓN", _written(one.issued)),
            ("FECHA DE VENCIMIENTO", _written(one.expires)),
        ],
    ]
    _pairs(sheet, rows, 330, 220, 76)
    sheet.put(60, 560, f"RUN {one.rut}", 32, "DejaVuSans-Bold")
    fields = {
        "nombre": one.names,
        "apellido_paterno": one.surnames[0],
        "apellido_materno": one.surnames[1],
        "rut": one.rut,
        "fecha_nacimiento": one.born.isoformat(),
        "nacionalidad": "CHILENA",
        "sexo": one.sex,
    }
    return sheet.paper("Cédula de Identidad CL (Frontal)", fields)


def licence(seed: int, _: str) -> Paper:
    chance = random.Random(f"licence {seed}")
    one, sheet = _Person(chance), _card(chance)
    sheet.put(330, 25, "REPÚBLICA DE CHILE", 24)
    sheet.put(330, 60, "LICENCIA DE CONDUCIR", 28, "DejaVuSans-Bold")
    kind = chance.choice(("B", "A2", "C", "D"))
    street = f"CALLE {chance.choice(SURNAMES)} {chance.randint(100, 999)}"
    rows = [
        [("APELLIDOS", " ".join(one.surnames))],
        [("NOMBRES", one.names)],
        [("RUN", one.rut), ("CLASE", kind)],
        [("DIRECCIÓN", street)],
        [
            ("FECHA DE EMISIÓN", _written(one.issued)),
            ("FECHA DE VENCIMIENTO", _written(one.expires)),
        ],
    ]
    _pairs(sheet, rows, 330, 130, 84)
    sheet.put(60, 570, "MUNICIPALIDAD DE LOS ÁLAMOS", 20)
    fields = {
        "nombre_completo": f"{one.names} {' '.join(one.surnames)}",
        "rut": one.rut,
        "fecha_emision": one.issued.isoformat(),
        "fecha_vencimiento": one.expires.isoformat(),
        "categoria": kind,
        "direccion": street,
    }
    return sheet.paper("Licencia de Conducir CL", fields)


_PLAIN = str.maketrans("ÁÉÍÓÚÑÜ", "AEIOUNU")


def _check(text: str) -> int:
    values = {**{str(n): n for n in range(10)}, **{chr(65 + n): 10 + n for n in range(26)}, "<": 0}
    return sum(values[one] * (7, 3, 1)[at % 3] for at, one in enumerate(text)) % 10


def passport(seed: int, _: str) -> Paper:
    chance = random.Random(f"passport {seed}")
    one = _Person(chance)
    sheet = _Sheet(1_480, 1_040, 240)
    sheet.pen.rectangle((60, 220, 420, 700), fill=150)
    sheet.put(480, 40, "REPÚBLICA DE CHILE", 34)
    sheet.put(480, 90, "PASAPORTE / PASSPORT", 30)
    number = "".join(chance.choice("ABCDEFGHKLMNPRSTUVWXYZ") for _ in range(1)) + str(
        chance.randint(10_000_000, 99_999_999)
    )
    rows = [
        [("PASAPORTE N° / PASSPORT NO", number)],
        [("APELLIDOS / SURNAME", " ".join(one.surnames))],
        [("NOMBRES / GIVEN NAMES", one.names)],
        [("NACIONALIDAD / NATIONALITY", "CHILENA"), ("SEXO / SEX", one.sex)],
        [("FECHA DE NACIMIENTO / DATE OF BIRTH", _written(one.born))],
        [("FECHA DE VENCIMIENTO / DATE OF EXPIRY", _written(one.expires))],
    ]
    _pairs(sheet, rows, 480, 160, 106)
    birth, expiry = (day.strftime("%y%m%d") for day in (one.born, one.expires))
    names, surnames = (
        text.translate(_PLAIN).replace(" ", "<") for text in (one.names, " ".join(one.surnames))
    )
    first = f"P<CHL{surnames}<<{names}".ljust(44, "<")[:44]
    body = f"{number}{_check(number)}CHL{birth}{_check(birth)}{one.sex}{expiry}{_check(expiry)}{'<' * 14}0"
    second = f"{body}{_check(body[:10] + body[13:20] + body[21:43])}"
    for at, line in enumerate((first, second)):
        sheet.put(60, 860 + 70 * at, line, 50, "DejaVuSansMono")
    fields = {
        "nombre_completo": f"{one.names} {' '.join(one.surnames)}",
        "numero_pasaporte": number,
        "nacionalidad": "CHILENA",
        "fecha_nacimiento": one.born.isoformat(),
        "fecha_vencimiento": one.expires.isoformat(),
        "sexo": one.sex,
    }
    return sheet.paper("Pasaporte", fields)


PAPERS: Mapping[str, Callable[[int, str], Paper]] = {
    "invoice": invoice,
    "receipt": receipt,
    "identity card": card_front,
    "licence": licence,
    "passport": passport,
}


ZONE_FROM = 420
"""From here down a passport shows little beside its zone for machines."""


def zone(seed: int, language: str) -> Paper:
    """
    The lower part of a passport, as small and as large as people send it.
    """
    whole = passport(seed, language)
    chance = random.Random(f"zone {seed}")
    part = whole.image.crop((0, ZONE_FROM, whole.image.width, whole.image.height))
    width = chance.randint(900, 1_900)
    image = part.resize((width, round(part.height * width / part.width)), Image.Resampling.LANCZOS)
    names = ("numero_pasaporte", "fecha_nacimiento", "fecha_vencimiento", "sexo")
    fields = {name: whole.fields[name] for name in names}
    return Paper(kind=whole.kind, image=image, fields=fields, text=whole.text)


SPECIMENS: Mapping[str, Callable[[int, str], Paper]] = {**PAPERS, "zone": zone}
