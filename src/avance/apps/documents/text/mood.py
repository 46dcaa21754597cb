"""
Whether a text sounds glad or sorry, by counting words that do. It is as simple as that.
"""

from avance.apps.documents.text.stems import WORD, fold

NEGATED_WORDS = 3
"""So far a negation reaches."""
_NEGATIONS = frozenset(["no", "not", "never", "without", "nunca", "jamas", "sin", "tampoco", "ni"])
_GLAD = frozenset(
    [
        "good",
        "great",
        "excellent",
        "happy",
        "glad",
        "love",
        "loved",
        "best",
        "better",
        "success",
        "successful",
        "improve",
        "improved",
        "improvement",
        "benefit",
        "helpful",
        "easy",
        "safe",
        "thanks",
        "thank",
        "pleased",
        "satisfied",
        "win",
        "won",
        "growth",
        "profit",
        "reliable",
        "recommend",
        "recommended",
        "bueno",
        "buena",
        "buenos",
        "buenas",
        "excelente",
        "feliz",
        "contento",
        "contenta",
        "mejor",
        "mejora",
        "mejoro",
        "mejorado",
        "exito",
        "beneficio",
        "facil",
        "seguro",
        "segura",
        "gracias",
        "satisfecho",
        "satisfecha",
        "gana",
        "ganado",
        "crecimiento",
        "fiable",
        "recomiendo",
        "recomendable",
        "encanta",
        "magnifico",
        "magnifica",
        "agradable",
        "util",
    ]
)
_SORRY = frozenset(
    [
        "bad",
        "poor",
        "terrible",
        "awful",
        "sad",
        "angry",
        "hate",
        "worst",
        "worse",
        "fail",
        "failed",
        "failure",
        "problem",
        "problems",
        "error",
        "errors",
        "damage",
        "damaged",
        "broken",
        "loss",
        "lost",
        "risk",
        "dangerous",
        "complaint",
        "delay",
        "delayed",
        "late",
        "unsafe",
        "difficult",
        "penalty",
        "debt",
        "fraud",
        "malo",
        "mala",
        "malos",
        "malas",
        "pesimo",
        "pesima",
        "terrible",
        "triste",
        "enfado",
        "odio",
        "peor",
        "fallo",
        "falla",
        "fracaso",
        "problema",
        "problemas",
        "dano",
        "danos",
        "roto",
        "rota",
        "perdida",
        "perdido",
        "riesgo",
        "peligroso",
        "peligrosa",
        "queja",
        "retraso",
        "tarde",
        "dificil",
        "multa",
        "deuda",
        "fraude",
        "averia",
        "incumplimiento",
    ]
)


def sentiment(text: str) -> str:
    """
    `positive`, `negative` or `neutral`.
    """
    words = [fold(word) for word in WORD.findall(text.lower())]
    mood = 0
    for at, word in enumerate(words):
        value = (word in _GLAD) - (word in _SORRY)
        if value:
            is_negated = not _NEGATIONS.isdisjoint(words[max(at - NEGATED_WORDS, 0) : at])
            mood += -value if is_negated else value
    return "positive" if mood > 0 else "negative" if mood < 0 else "neutral"
