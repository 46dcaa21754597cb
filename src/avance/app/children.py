"""
How a process of its own finds the tasks again: each by the module and name under which its function was written.
"""

import importlib
import json
import runpy
import sys
from collections.abc import Mapping
from typing import Any

from avance.errors import ConfigError
from avance.jobs.perform import Performer
from avance.jobs.task import MAIN_MODULE, AnyTask, Runner


def child_spec(tasks: Mapping[str, AnyTask]) -> str:
    """
    What a child must know, as text.
    """
    main = sys.modules.get("__main__")
    places = {
        name: _place(task) for name, task in tasks.items() if task.options.runner is Runner.PROCESS
    }
    return json.dumps({"tasks": places, "main": getattr(main, "__file__", None), "path": sys.path})


def child_performer(argument: str) -> Performer:
    """
    Called once in each child: import what the tasks need, once and not per job.
    """
    spec = json.loads(argument)
    sys.path[:] = list(dict.fromkeys([*sys.path, *spec["path"]]))
    modules: dict[str, Mapping[str, Any]] = {}
    return Performer(
        {name: _find(name, place, spec["main"], modules) for name, place in spec["tasks"].items()}
    )


def check_place(name: str, function: Any) -> None:
    """
    Refuse, at the declaration, a function that no other process could find.
    """
    if "<locals>" in function.__qualname__:
        raise ConfigError(
            f"task {name} is declared inside a function, where a worker process cannot find it: "
            'move it to module level, or declare it with runner="thread" or as async def',
            task=name,
        )


def _place(task: AnyTask) -> list[str]:
    return [task.function.__module__, task.function.__qualname__]


def _find(
    name: str, place: list[str], main: str | None, modules: dict[str, Mapping[str, Any]]
) -> AnyTask:
    module, qualname = place
    if module not in modules:
        modules[module] = _load(module, main)
    found: Any = modules[module].get(qualname.split(".")[0])
    for part in qualname.split(".")[1:]:
        found = getattr(found, part, None)
    if found is None or not hasattr(found, "decode"):
        raise ConfigError(
            f"task {name}: {module}.{qualname} is not a task any more; keep the decorated name",
            task=name,
        )
    return found  # type: ignore[no-any-return]


def _load(module: str, main: str | None) -> Mapping[str, Any]:
    if module not in ("__main__", MAIN_MODULE):
        return vars(importlib.import_module(module))
    if main is None:
        raise ConfigError(
            "tasks of an interactive session cannot run in a process: put them into a file"
        )
    return runpy.run_path(main, run_name=MAIN_MODULE)
