"""
In which language a caller is answered: `lang`, else what the browser prefers, else that of the contract.
"""

from typing import Literal

from starlette.requests import Request

Language = Literal["es", "en"]

DEFAULT: Language = "es"
TITLES = {"es": ("{n} ruta", "{n} rutas"), "en": ("{n} route", "{n} routes")}
VARIANTS = {"es": "variante", "en": "variant"}


def language_of(request: Request) -> Language:
    asked = request.query_params.get("lang")
    if asked is not None:
        return "es" if asked == "es" else "en"
    return preferred(request.headers.get("accept-language", ""))


def preferred(header: str) -> Language:
    """
    The one of ours with the highest weight in `Accept-Language`.
    """
    best: Language = DEFAULT
    most = 0.0
    for part in header.split(","):
        name, _, rest = part.strip().partition(";")
        language = name.strip().lower().partition("-")[0]
        weight = _weight(rest)
        if weight <= most:
            continue
        if language == "es":
            best, most = "es", weight
        elif language == "en":
            best, most = "en", weight
    return best


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def title_of(routes: int, day: str | None, language: Language, *, is_variant: bool = False) -> str:
    """
    What the list of jobs calls an optimization.
    """
    text = TITLES[language][routes != 1].format(n=routes) + (f" ({day})" if day else "")
    return f"{text} ({VARIANTS[language]})" if is_variant else text
