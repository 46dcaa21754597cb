"""
Whole pages of running text in Spanish and English.
"""

import random

from PIL import Image, ImageDraw, ImageFont

FONTS = ("DejaVuSans", "DejaVuSerif", "DejaVuSansCondensed", "DejaVuSerifCondensed-Italic")
A4 = (2_480, 3_508)
MARGIN = 240
RARE = 0.003
WORDS = {
    "es": (
        "la el los una de del en con para por que según niña año señor camión corazón mañana público también después nación energía jamás "
        "árbol contrato vivienda arrendatario importe pago plazo oficina reunión informe cliente pedido entrega mercado "
        "ciudad puerto calle barrio número teléfono dirección garantía servicio empresa técnico médico análisis resultado decisión artículo "
        "capítulo página historia biblioteca universidad estudiante alumno profesor lección camino montaña río viento lluvia invierno verano "
        "otoño primavera semana jueves viernes enero marzo agosto diciembre quince veinte treinta cuarenta cien mil pesos euros cuenta banco"
    ),
    "en": (
        "the a of and to in is for with that by this from which would could should through though enough however therefore contract tenant "
        "payment amount deadline office meeting report customer order delivery market city harbour street number telephone address warranty "
        "service company engineer doctor analysis result decision article chapter page history library university student teacher lesson "
        "road mountain river wind rain winter summer autumn spring week Thursday Friday January March August December fifteen twenty thirty "
        "forty hundred thousand pounds dollars account bank weather question answer knowledge quickly brown jumps lazy zebra oxygen"
    ),
}


def font_of(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(f"/usr/share/fonts/truetype/dejavu/{name}.ttf", size)


def letter(language: str, seed: int) -> tuple[Image.Image, str]:
    """
    A page as a scanner at 300 dpi gives it, and its text.
    """
    chance = random.Random(f"letter {language} {seed}")
    font = font_of(chance.choice(FONTS), chance.choice((42, 46, 50)))
    image = Image.new("L", A4, 255)
    pen = ImageDraw.Draw(image)
    step = round(font.size * chance.choice((1.4, 1.6)))
    y, lines = MARGIN, []
    while y < A4[1] - MARGIN and sum(map(len, lines)) < 2_000:
        line = _line(chance, language, font)
        pen.text((MARGIN, y), line, fill=chance.randint(0, 40), font=font)
        lines.append(line)
        y += step * (2 if chance.random() < 0.12 else 1)
    return image, "\n".join(lines)


def _line(chance: random.Random, language: str, font: ImageFont.FreeTypeFont) -> str:
    words = WORDS[language].split()
    line = chance.choice(words).capitalize()
    while font.getlength(line) < A4[0] - 2 * MARGIN - 420:
        drawn = chance.random()
        if language == "es" and drawn < RARE:
            # As often as a text has it, and no more: a model that is weak at one letter is not weak at Spanish.
            line += f" {chance.choice(('vergüenza', 'pingüino', 'antigüedad'))}"
        elif drawn < 0.05:
            line += f" {chance.randint(1, 2_000)},"
        elif drawn < 0.1:
            line += f". {chance.choice(words).capitalize()}"
        else:
            line += f" {chance.choice(words)}"
    return line + chance.choice((".", ",", ";", ""))
