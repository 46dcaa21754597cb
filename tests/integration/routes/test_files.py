"""
Files in and out, and the check of a schedule, over HTTP. docs/contract/routes.md, 3.1.
"""

import io
import json
import os
from pathlib import Path

import msgspec
import pytest
from openpyxl import load_workbook

from avance.apps.routes.sample import sample_day

from .conftest import Site

pytestmark = pytest.mark.timeout(90)

CSV = b"route;direction;arrival time;latitude;longitude\nA;entry;08:30;42.6;-8.2\nA;entry;08:30;42.7;-8.2\nB;entry;;42.6;-8.2\n"


async def test_a_file_is_imported_with_a_report_and_leaves_nothing_behind(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """001-T19"""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    plain = (await site.post("/routes/import", CSV)).json()
    async with site.client as client:
        answer = await client.post("/routes/import/analyze", files={"file": ("a.csv", CSV)})
    report = answer.json()["parse_report"]
    assert [route["id"] for route in plain["routes"]] == ["A"]
    assert len(plain["routes"][0]["stops"]) == 2
    assert set(report) >= {"rows_total", "rows_dropped_invalid", "invalid_reasons", "warnings", "sheets_detected"}  # fmt: skip
    assert (report["rows_total"], report["rows_dropped_invalid"]) == (3, 1)
    assert report["invalid_reasons"] == {"time_missing": 1}
    assert not os.listdir(tmp_path)


async def test_an_oversize_body_is_413(site: Site) -> None:
    """001-T19"""
    answer = await site.post("/routes/import", b"x" * (21 * 2**20))
    assert answer.status_code == 413
    assert answer.json()["detail"]


async def test_a_schedule_is_checked_and_each_broken_rule_named(site: Site) -> None:
    """001-T14"""
    routes = json.loads(msgspec.json.encode(sample_day(14)))
    started = await site.start(sample_day(14))
    await site.ended(started["job_id"])
    schedule = (await site.get(f"/jobs/{started['job_id']}/result")).json()["result"]["schedule"]

    async def check(changed: list[object]) -> tuple[bool, set[str]]:
        body = json.dumps({"routes": routes, "schedule": changed}).encode()
        answer = (await site.post("/validate-schedule", body)).json()
        for one in answer["violations"]:
            assert set(one) == {"rule", "bus_id", "route_id", "detail"}
        return answer["valid"], {one["rule"] for one in answer["violations"]}

    assert await check(schedule) == (True, set())
    assert await check(schedule[1:]) == (False, {"R1"})
    assert await check([*schedule, schedule[0]]) == (False, {"R1"})
    everything = [{"bus_id": "B1", "items": [item for bus in schedule for item in bus["items"]]}]
    valid, rules = await check(everything)
    assert not valid
    assert {"R5", "R6", "R7"} <= rules
    early = json.loads(json.dumps(schedule))
    early[0]["items"][0]["start_time"] = "05:00:00"
    valid, rules = await check(early)
    assert not valid
    assert "R4" in rules
    assert rules & {"R2", "R3"}


async def test_a_schedule_leaves_as_every_kind_of_file(site: Site) -> None:
    started = await site.start(sample_day(10))
    job_id = started["job_id"]
    await site.ended(job_id)
    files = {
        kind: await site.get(f"/jobs/{job_id}/export", format=kind)
        for kind in ("csv", "xlsx", "pdf", "geojson", "json")
    }
    result = (await site.get(f"/jobs/{job_id}/result")).json()["result"]
    pdf = await site.post("/export_pdf", json.dumps(result).encode())
    wrong = await site.get(f"/jobs/{job_id}/export", format="doc")
    assert all(answer.status_code == 200 for answer in files.values())
    assert files["csv"].text.count("\n") == 11
    sheet = load_workbook(io.BytesIO(files["xlsx"].content)).worksheets[0]
    assert sheet.max_row == 11
    assert files["pdf"].content.startswith(b"%PDF-")
    assert pdf.content.startswith(b"%PDF-")
    shapes = files["geojson"].json()["features"]
    assert sum(one["properties"]["kind"] != "deadhead" for one in shapes) == 10
    assert files["json"].json()["schedule"] == result["schedule"]
    assert wrong.status_code == 422


async def test_a_sample_day_is_one_call_away_and_can_be_sent_back(site: Site) -> None:
    sample = await site.get("/routes/sample", size="small")
    answer = await site.post("/optimize-async", sample.content)
    assert len(sample.json()["routes"]) == 20
    assert answer.status_code == 200
    await site.ended(answer.json()["job_id"])
