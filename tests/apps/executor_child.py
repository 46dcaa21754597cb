"""
The tasks of the executor suite for a child process. It takes them from their file: their package is the suite, and a child that is started
hundreds of times would import pytest with it.
"""

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

_avance = find_spec("avance")
assert _avance is not None
assert _avance.origin is not None
_file = Path(_avance.origin).with_name("testing") / "conformance" / "executor_tasks.py"
_spec = spec_from_file_location("executor_tasks", _file)
assert _spec is not None
assert _spec.loader is not None
_tasks = module_from_spec(_spec)
_spec.loader.exec_module(_tasks)

performer = _tasks.performer
