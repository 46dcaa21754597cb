import importlib.util
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from avance.model import event, inbox

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wire_types", ROOT / "scripts" / "wire_types.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_typescript_types_are_what_the_python_model_says(generator: ModuleType) -> None:
    assert generator.main(["--check"]) == 0, "run scripts/wire_types.py"


def test_a_drift_is_told_with_the_way_out(
    generator: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(generator, "ROOT", tmp_path)
    monkeypatch.setattr(generator, "TARGET", tmp_path / "wire.ts")
    (tmp_path / "wire.ts").write_text("export type JobState = string;\n")

    assert generator.main(["--check"]) == 1
    assert "run scripts/wire_types.py" in capsys.readouterr().err


def test_every_event_of_the_model_is_in_a_union(generator: ModuleType) -> None:
    told = {kind for kinds in generator.EVENTS.values() for kind in kinds}
    tagged = {
        one
        for one in {**vars(event), **vars(inbox)}.values()
        if isinstance(one, type)
        and issubclass(one, msgspec.Struct)
        and one.__struct_config__.tag
        and one is not event.Envelope
    }
    assert tagged == told


def test_what_is_left_out_on_the_wire_is_optional_and_what_is_written_as_null_is_not(
    generator: ModuleType,
) -> None:
    class Sparse(msgspec.Struct, kw_only=True, omit_defaults=True):
        note: str | None = None

    class Whole(msgspec.Struct, kw_only=True):
        note: str | None = None

    writer = generator.Writer()
    writer.struct(Sparse)
    writer.struct(Whole)

    assert "  note?: string;" in writer.declared["Sparse"]
    assert "  note: string | null;" in writer.declared["Whole"]


def test_a_type_without_a_form_is_refused_by_name(generator: ModuleType) -> None:
    class Odd(msgspec.Struct):
        moment: complex

    with pytest.raises(generator.Unmapped, match="complex"):
        generator.Writer().struct(Odd)
