import importlib.util
from itertools import islice
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

FUZZ = Path(__file__).parents[2] / "fuzz" / "fuzz_decoder.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_decoder", FUZZ)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fuzz = load()


@pytest.mark.parametrize("seed", range(4))
def test_mutated_frames_raise_only_documented_errors(seed: int) -> None:
    for data in islice(fuzz.inputs(seed), 1_500):
        fuzz.one(data)


@given(data=st.binary(max_size=120))
@settings(max_examples=200, deadline=None)
def test_random_bytes_raise_only_documented_errors(data: bytes) -> None:
    fuzz.one(data)
