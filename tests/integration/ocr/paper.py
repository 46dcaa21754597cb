"""
Papers that are drawn for a test and really read.
"""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
LETTER = (
    "La niña compró camiones de juguete en el mercado",
    "Further questions may be sent to the office.",
)
CARD = (
    "REPÚBLICA DE CHILE",
    "SERVICIO DE REGISTRO CIVIL E IDENTIFICACIÓN",
    "CÉDULA DE IDENTIDAD",
    "APELLIDOS",
    "GONZÁLEZ",
    "PÉREZ",
    "NOMBRES",
    "MARÍA JOSÉ",
    "NACIONALIDAD            SEXO",
    "CHILENA                       F",
    "FECHA DE NACIMIENTO      NÚMERO DOCUMENTO",
    "12 ABR 1985                        123.456.789",
    "FECHA DE EMISIÓN           FECHA DE VENCIMIENTO",
    "03 MAR 2024                        03 MAR 2034",
    "RUN 12.345.678-5",
)
INVOICE = (
    "Suministros del Norte S.L.",
    "CIF B12345674",
    "FACTURA Nº 2026/0042",
    "Fecha: 15/03/2026",
    "Papel de oficina          100,00",
    "Base imponible            100,00 €",
    "IVA 21%                         21,00 €",
    "Total factura                121,00 €",
    "IBAN ES91 2100 0418 4502 0005 1332",
)


def drawn(lines: Sequence[str], *, size: int = 40, width: int = 1700) -> Image.Image:
    """
    Lines on white paper.
    """
    font = ImageFont.truetype(FONT, size)
    image = Image.new("L", (width, 160 + len(lines) * size * 2), 255)
    pen = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        pen.text((120, 80 + number * size * 2), line, fill=0, font=font)
    return image


def packed(image: Image.Image, kind: str = "PNG", **more: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **more)
    return buffer.getvalue()


def png(lines: Sequence[str] = LETTER) -> bytes:
    return packed(drawn(lines))


def scanned_pdf(*pages: Sequence[str]) -> bytes:
    """
    A PDF of pictures, without a text of its own.
    """
    buffer = io.BytesIO()
    made = canvas.Canvas(buffer)
    for lines in pages:
        image = drawn(lines)
        width, height = image.width * 0.24, image.height * 0.24
        made.setPageSize((width, height))
        made.drawImage(ImageReader(image), 0, 0, width, height)
        made.showPage()
    made.save()
    return buffer.getvalue()


def digital_pdf(*lines: str) -> bytes:
    buffer = io.BytesIO()
    made = canvas.Canvas(buffer)
    for number, line in enumerate(lines):
        made.drawString(72, 720 - 20 * number, line)
    made.save()
    return buffer.getvalue()
