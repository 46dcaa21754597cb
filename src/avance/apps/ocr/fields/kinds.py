"""
The kinds of documents, how each is recognised, and what is looked for in it.
"""

from collections.abc import Mapping, Sequence

import msgspec

from avance.apps.ocr.fields.labels import plain

CARD_FRONT = "Cédula de Identidad CL (Frontal)"
CARD_BACK = "Cédula de Identidad CL (Reverso)"
LICENCE = "Licencia de Conducir CL"
PASSPORT = "Pasaporte"
BIRTH = "Certificado de Nacimiento"
INVOICE = "Factura"
RECEIPT = "Recibo"
OTHER = "Otro / Desconocido"


class Field(msgspec.Struct, frozen=True, kw_only=True):
    labels: tuple[str, ...]
    kind: str
    below: int = 1
    """In so many lines below its label."""


_RUT = Field(labels=("RUN", "RUT", "R.U.N.", "R.U.T."), kind="rut")
_BORN = Field(labels=("FECHA DE NACIMIENTO", "DATE OF BIRTH", "FECHA NACIMIENTO"), kind="date")
_ISSUED = Field(
    labels=("FECHA DE EMISIÓN", "FECHA EMISIÓN", "FECHA ULTIMO CONTROL", "DATE OF ISSUE"),
    kind="date",
)
_EXPIRES = Field(
    labels=(
        *("FECHA DE VENCIMIENTO", "FECHA VENCIMIENTO", "FECHA CONTROL"),
        *("DATE OF EXPIRY", "VENCIMIENTO", "VÁLIDO HASTA"),
    ),
    kind="date",
)
_SEX = Field(labels=("SEXO", "SEX"), kind="sex")
_NATIONALITY = Field(labels=("NACIONALIDAD", "NATIONALITY"), kind="name")
_TOTAL = Field(
    labels=(
        *("TOTAL A PAGAR", "TOTAL FACTURA", "IMPORTE TOTAL", "TOTAL EUR", "TOTAL DUE"),
        *("AMOUNT DUE", "GRAND TOTAL", "BALANCE DUE", "TOTAL"),
    ),
    kind="amount",
)
_DATED = Field(
    labels=(
        *("FECHA DE FACTURA", "FECHA FACTURA", "FECHA DE EMISIÓN", "INVOICE DATE", "DATE OF ISSUE"),
        *("FECHA", "DATE"),
    ),
    kind="date",
)
_TAX = Field(
    labels=("CUOTA IVA", "I.V.A.", "IVA", "SALES TAX", "VAT", "TAX"),
    kind="amount",
)
_BASE = Field(
    labels=("BASE IMPONIBLE", "SUBTOTAL", "SUB TOTAL", "NETO", "NET AMOUNT", "NET"),
    kind="amount",
)

FIELDS: Mapping[str, Mapping[str, Field]] = {
    CARD_FRONT: {
        "nombre": Field(labels=("NOMBRES", "NOMBRE"), kind="name"),
        "apellidos": Field(labels=("APELLIDOS", "APELLIDO"), kind="name", below=2),
        "rut": _RUT,
        "fecha_nacimiento": _BORN,
        "nacionalidad": _NATIONALITY,
        "sexo": _SEX,
        "fecha_emision": _ISSUED,
        "fecha_vencimiento": _EXPIRES,
    },
    CARD_BACK: {
        "rut": _RUT,
        "fecha_emision": _ISSUED,
        "fecha_vencimiento": _EXPIRES,
        "numero_documento": Field(
            labels=("NÚMERO DOCUMENTO", "NÚMERO DE DOCUMENTO", "N° DOCUMENTO"), kind="number"
        ),
    },
    LICENCE: {
        "nombres": Field(labels=("NOMBRES", "NOMBRE"), kind="name"),
        "apellidos": Field(labels=("APELLIDOS", "APELLIDO"), kind="name"),
        "rut": _RUT,
        "categoria": Field(labels=("CLASE", "CATEGORÍA", "CLASE LICENCIA"), kind="classes"),
        "direccion": Field(labels=("DIRECCIÓN", "DOMICILIO"), kind="text"),
        "fecha_emision": _ISSUED,
        "fecha_vencimiento": _EXPIRES,
    },
    PASSPORT: {
        "nombres": Field(labels=("NOMBRES", "NOMBRE", "GIVEN NAMES"), kind="name"),
        "apellidos": Field(labels=("APELLIDOS", "SURNAME"), kind="name"),
        "numero_pasaporte": Field(
            labels=("PASAPORTE N°", "NÚMERO DE PASAPORTE", "PASSPORT NO", "PASSPORT NUMBER"),
            kind="number",
        ),
        "nacionalidad": _NATIONALITY,
        "fecha_nacimiento": _BORN,
        "fecha_vencimiento": _EXPIRES,
        "sexo": _SEX,
    },
    BIRTH: {},
    INVOICE: {
        "numero": Field(
            labels=(
                *("FACTURA N°", "Nº FACTURA", "FACTURA Nº", "NÚMERO DE FACTURA", "FACTURA NÚMERO"),
                *("INVOICE NUMBER", "INVOICE NO", "INVOICE #", "NÚMERO"),
            ),
            kind="number",
        ),
        "fecha": _DATED,
        "base": _BASE,
        "impuesto": _TAX,
        "total": _TOTAL,
    },
    RECEIPT: {"fecha": _DATED, "base": _BASE, "impuesto": _TAX, "total": _TOTAL},
    OTHER: {},
}

_MARKS: Mapping[str, Sequence[tuple[str, float]]] = {
    CARD_FRONT: (
        *(("CEDULA DE IDENTIDAD", 3), ("APELLIDOS", 1), ("NOMBRES", 1), ("NACIONALIDAD", 1)),
        *(("REGISTRO CIVIL", 1), ("REPUBLICA DE CHILE", 1)),
    ),
    CARD_BACK: (
        *(("NACIO EN", 2), ("PROFESION", 2), ("INCHL", 4), ("CEDULA DE IDENTIDAD", 1)),
        *(("NUMERO DOCUMENTO", 1), ("REVERSO", 2), ("RUN", 0.5)),
    ),
    LICENCE: (
        ("LICENCIA DE CONDUCIR", 4),
        ("LICENCIA DE CONDUCTOR", 4),
        ("MUNICIPALIDAD", 1),
        ("CLASE", 1),
    ),
    PASSPORT: (("PASAPORTE", 3), ("PASSPORT", 3), ("P<", 3), ("DATE OF EXPIRY", 1)),
    BIRTH: (
        ("CERTIFICADO DE NACIMIENTO", 5),
        ("PARTIDA DE NACIMIENTO", 5),
        ("BIRTH CERTIFICATE", 5),
    ),
    INVOICE: (
        *(
            ("FACTURA", 3),
            ("INVOICE", 3),
            ("BASE IMPONIBLE", 2),
            ("IBAN", 1),
            ("VAT", 1),
            ("CIF", 1),
        ),
        *(("BILL TO", 1), ("NIF", 1)),
    ),
    RECEIPT: (
        *(("RECIBO", 3), ("BOLETA", 3), ("TICKET", 2), ("RECEIPT", 3), ("CASH", 1), ("CHANGE", 1)),
        *(("EFECTIVO", 1), ("CAMBIO", 1), ("VUELTO", 1), ("THANK YOU", 1), ("GRACIAS POR", 1)),
    ),
}
ENOUGH = 3.0


def classify(text: str) -> str:
    """
    The kind with the most marks, or the one for everything else.
    """
    words = " ".join(plain(text).split())
    scores = {
        kind: sum(weight for mark, weight in marks if mark in words)
        for kind, marks in _MARKS.items()
    }
    best = max(scores, key=lambda kind: scores[kind])
    return best if scores[best] >= ENOUGH else OTHER
