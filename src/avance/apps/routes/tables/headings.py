"""
Which column holds what: headings in Galician, Spanish and English, also with small slips.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from rapidfuzz import fuzz

CLOSE_ENOUGH = 86.0

HEADINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "route": ("codigo ruta", "codigo de ruta", "ruta", "id ruta", "route code", "route id", "route", "id", "linea", "liña"),
        "name": ("nome ruta", "nombre ruta", "route name", "denominacion ruta", "descricion ruta", "nome da ruta"),
        "contract_id": ("codigo contrato", "contrato", "contract", "contract id", "codigo do contrato"),
        "school_id": ("codigo centro", "codigo de centro", "id centro", "school id", "school code"),
        "school_name": ("nome centro", "nombre centro", "centro", "school", "school name", "nome do centro", "colegio", "colexio"),
        "direction": ("sentido", "direction", "tipo", "type", "sentido expedicion"),
        "departure_time": ("hora saida", "hora salida", "departure time", "departure", "hora de saida", "hora de salida"),
        "arrival_time": ("hora chegada", "hora llegada", "arrival time", "arrival", "hora de chegada", "hora de llegada"),
        "lat": ("latitude", "latitud", "lat", "coordenada y"),
        "lon": ("lonxitude", "longitud", "longitude", "lon", "lng", "coordenada x"),
        "order": ("orde parada", "orden parada", "orde", "orden", "stop order", "order", "numero parada"),
        "stop_name": ("nome parada", "nombre parada", "parada", "stop", "stop name", "denominacion parada"),
        "time_from_start": ("tempo a orixe", "tiempo a origen", "tiempo desde origen", "time from start", "minutos", "tempo desde orixe", "minutes from start", "minutos desde orixe", "minutos desde origen"),
        "passengers": ("usuarios totais", "usuarios totales", "usuarios", "passengers", "alumnos", "viaxeiros", "pasajeros"),
        "seats": ("prazas vehiculo", "plazas vehiculo", "prazas", "plazas", "seats", "vehicle seats", "capacidade", "capacidad"),
        "capacity_needed": ("prazas necesarias", "plazas necesarias", "capacity needed", "demanda", "demand"),
        "days": ("frecuencia semanal", "frecuencia", "dias", "days", "weekly frequency"),
        "is_school": ("e centro", "es centro", "is school", "parada centro"),
    }
)  # fmt: skip

_KNOWN = {name: field for field, names in HEADINGS.items() for name in names}


def plain(text: object) -> str:
    """
    Lower case, no accents, no punctuation.
    """
    bare = unicodedata.normalize("NFKD", str(text)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", " ", bare).strip()


def fields_of(headings: Iterable[object]) -> dict[int, str]:
    """
    The field of each column that has one; a field has the column that fits best.
    """
    best: dict[str, tuple[float, int]] = {}
    for column, heading in enumerate(headings):
        if heading is None or not plain(heading):
            continue
        field, score = _field_of(plain(heading))
        if field is not None and score > best.get(field, (0.0, 0))[0]:
            best[field] = (score, column)
    return {column: field for field, (_, column) in best.items()}


def _field_of(heading: str) -> tuple[str | None, float]:
    bare = {plain(name): field for name, field in _KNOWN.items()}
    if heading in bare:
        return bare[heading], 101.0
    name, score = max(
        ((name, fuzz.token_sort_ratio(heading, name)) for name in bare), key=lambda one: one[1]
    )
    return (bare[name], score) if score >= CLOSE_ENOUGH else (None, 0.0)
