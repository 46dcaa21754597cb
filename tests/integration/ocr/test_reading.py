"""
Files are really read, and everybody is told: docs/contract/ocr.md.
"""

import httpx2 as httpx
from node_service import Node
from tests.integration.ocr.conftest import ended, tab, uploaded
from tests.integration.ocr.paper import CARD, INVOICE, LETTER, digital_pdf, png, scanned_pdf


async def test_an_uploaded_picture_is_read_and_its_follower_told_at_every_step(
    node: Node, http: httpx.AsyncClient
) -> None:
    """004-01 004-08 004-10 004-12 004-14 004-T1: the greeting comes first, then pending, processing, completed."""
    async with tab(node) as page:
        hello = await page.next()
        assert hello["type"] == "connection_established"
        assert hello["message"] == "Connected to OCR service"
        assert hello["connectionId"]
        await page.subscribe()
        [document] = await uploaded(http, ("letter.png", png()))
        done = await page.until(type="document_update", documentId=document, status="completed")
    states = [one["status"] for one in page.seen if one.get("documentId") == document]
    assert states[0] == "pending"
    assert set(states[1:-1]) == {"processing"}
    assert isinstance(done["ocrResult"]["confidence"], int)
    assert done["ocrResult"]["confidence"] > 80
    for line in LETTER:
        assert line in done["ocrResult"]["extractedText"]
    stored = (await http.get(f"/api/ocr/document/{document}")).json()["data"]
    assert stored["ocrResult"] == done["ocrResult"]


async def test_a_card_gives_its_fields_and_is_approved(http: httpx.AsyncClient) -> None:
    """docs/contract/ocr.md, 3.2."""
    [document] = await uploaded(http, ("cedula.png", png(CARD)))
    told = await ended(http, document)
    assert told["documentType"] == "Cédula de Identidad CL (Frontal)"
    assert told["ocrResult"]["fields"] == {
        "nombre": "MARÍA JOSÉ",
        "apellido_paterno": "GONZÁLEZ",
        "apellido_materno": "PÉREZ",
        "rut": "12.345.678-5",
        "fecha_nacimiento": "1985-04-12",
        "nacionalidad": "CHILENA",
        "sexo": "F",
    }
    assert told["finalDecision"] == "APPROVED"
    assert told["expirationDate"] == "2034-03-03"


async def test_an_invoice_adds_up(http: httpx.AsyncClient) -> None:
    [document] = await uploaded(http, ("factura.pdf", scanned_pdf(INVOICE)))
    told = await ended(http, document)
    fields = told["ocrResult"]["fields"]
    assert told["documentType"] == "Factura"
    assert fields["fecha"] == "2026-03-15"
    assert (fields["base"], fields["impuesto"], fields["total"]) == ("100.00", "21.00", "121.00")
    assert fields["nif"] == "B12345674"
    assert fields["iban"] == "ES9121000418450200051332"


async def test_a_digital_pdf_gives_its_own_text(http: httpx.AsyncClient) -> None:
    [document] = await uploaded(
        http, ("carta.pdf", digital_pdf("Estimada señora Núñez:", "le escribo por el pedido 42."))
    )
    told = await ended(http, document)
    assert "Estimada señora Núñez:" in told["ocrResult"]["extractedText"]
    assert told["ocrResult"]["confidence"] == 100
    pages = (await http.get(f"/api/ocr/document/{document}/pages")).json()["data"]
    assert pages[0]["is_digital"] is True
    assert pages[0]["words"][0]["text"] == "Estimada"
