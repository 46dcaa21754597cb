"""
The phases of a run, their weights and Spanish words. docs/contract/routes.md, 2.2.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class PhaseWords(NamedTuple):
    weight: float
    message: str


PHASES: Mapping[str, PhaseWords] = MappingProxyType(
    {
        "starting": PhaseWords(2, "Iniciando optimización"),
        "loading": PhaseWords(3, "Cargando datos de rutas"),
        "preprocessing": PhaseWords(10, "Preprocesando y validando"),
        "travel_matrix": PhaseWords(20, "Calculando matrices de tiempos"),
        "building_chains": PhaseWords(25, "Construyendo cadenas por bloque"),
        "matching_blocks": PhaseWords(20, "Emparejando bloques temporales"),
        "local_search": PhaseWords(10, "Optimizando con búsqueda local"),
        "finalizing": PhaseWords(5, "Construyendo horarios finales"),
        "calculating_stats": PhaseWords(5, "Calculando estadísticas"),
        "completed": PhaseWords(0, "Optimización completada"),
    }
)

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {name: words.weight for name, words in PHASES.items()}
)


def starts_at(phase: str) -> int:
    """
    The percent at which a phase begins.
    """
    total = 0.0
    for name, words in PHASES.items():
        if name == phase:
            break
        total += words.weight
    return round(total)
