"""
Ask all questions, or those that are named: `python -m benchmarks [--quick] [question …]`.
"""

import importlib
import sys
import time
import traceback

from benchmarks.harness.question import Outcome, Settings, arguments, ask
from benchmarks.harness.setup import prepare

QUESTIONS = (
    "fanout",
    "fanout_under_load",
    "mounted",
    "memory",
    "own_channel",
    "stalled_reader",
    "progress_latency",
    "persisted_events",
    "jobs",
    "reconnect_storm",
    "growth",
    "growth_nodes",
    "growth_engines",
    "stores",
    "notices",
    "documents",
    "routes",
    "routes_goals",
    "routes_cancel",
    "routes_windows",
    "routes_depots",
    "console",
    "ocr",
    "ocr_fields",
    "ocr_photos",
)


def _ask(name: str, settings: Settings) -> Outcome | None:
    question = importlib.import_module(f"benchmarks.{name}")
    try:
        return ask(question.NAME, question.TITLE, question.measure, settings)
    except Exception:  # noqa: BLE001  one question that fails must not hide the answers of the others
        traceback.print_exc()
        return None


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("question", nargs="*", metavar="question", help="default: all")
    given = parser.parse_args()
    if unknown := set(given.question) - set(QUESTIONS):
        parser.error(
            f"no such question: {', '.join(sorted(unknown))}; there are {', '.join(QUESTIONS)}"
        )
    settings = Settings(quick=given.quick)
    began_s = time.monotonic()
    prepare()
    outcomes: dict[str, Outcome | None] = {}
    took_s: dict[str, float] = {}
    for name in given.question or QUESTIONS:
        start_s = time.monotonic()
        outcomes[name] = _ask(name, settings)
        took_s[name] = time.monotonic() - start_s
    for name, outcome in outcomes.items():
        if outcome is None:
            print(f"{name}: failed, see above")
            continue
        for target in outcome.targets:
            print(
                f"{name}: {target.measure}: {target.got} (wanted {target.wanted}), {'met' if target.is_met else 'MISSED'}"
            )
    print(", ".join(f"{name} {seconds:.0f} s" for name, seconds in took_s.items()))
    print(f"{time.monotonic() - began_s:.0f} s in all")
    return 1 if None in outcomes.values() else 0


if __name__ == "__main__":
    sys.exit(main())
