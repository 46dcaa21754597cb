"""
PDF files that tests make: ordinary ones, very long ones, and bombs.
"""

import io
import zlib

from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen import canvas


def pdf(*pages: str, password: str | None = None, title: str = "") -> bytes:
    buffer = io.BytesIO()
    encrypt = StandardEncryption(password) if password else None
    drawn = canvas.Canvas(buffer, encrypt=encrypt)
    drawn.setTitle(title)
    for page in pages:
        drawn.drawString(72, 720, page)
        drawn.showPage()
    drawn.save()
    return buffer.getvalue()


def pdf_of(*objects: bytes) -> bytes:
    """
    A file of these objects, numbered from 1; the first is its catalog.
    """
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj%b\nendobj\n" % (number, body)
    start, count = len(out), len(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % count
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count, start)
    return bytes(out)


def thin_pdf(pages: int) -> bytes:
    """
    Pages that share one line of text, so that very many are a small file.
    """
    drawing = b"BT /F 9 Tf 9 99 Td (One of very many pages.) Tj ET"
    kids = b" ".join(b"%d 0 R" % (4 + number) for number in range(pages))
    font = b"<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"
    return pdf_of(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count %d/MediaBox[0 0 200 200]/Resources%s>>"
        % (kids, pages, font),
        b"<</Length %d>>stream\n%s\nendstream" % (len(drawing), drawing),
        *[b"<</Type/Page/Parent 2 0 R/Contents 3 0 R>>"] * pages,
    )


def flate_bomb(size: int) -> bytes:
    """
    A small file whose only page unpacks to `size` bytes of drawing.
    """
    packed = zlib.compress(b"0 0 m 9 9 l S\n" * (size // 14), 1)
    return pdf_of(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
        b"<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(packed), packed),
    )
