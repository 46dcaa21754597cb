"""
Jobs over HTTP: submit, read, follow, cancel, retry, and who may.
"""

import json
import uuid
from collections.abc import Callable
from typing import Any

import anyio
import msgspec
import pytest

from avance.model.job import JobError
from avance.model.report import Done, Failed, LogWritten

Problem = Callable[[Any], dict[str, Any]]


async def test_a_submit_answers_the_job_with_a_token_for_its_channel(site) -> None:
    async with site() as here:
        made = await here.submit(title="Sum", tags=["x"], meta={"k": 1})
        assert made["state"] == "queued"
        assert made["kind"] == "demo.add"
        assert made["owner"] == "ana"
        assert made["channel"] == f"job:{made['id']}"
        claims = msgspec.json.decode((await here.auth.token(made["token"])).claims)
        assert claims["sub"] == "ana"
        assert claims["channel"] == made["channel"]
        for url in made["urls"].values():
            assert url.startswith(f"/v1/jobs/{made['id']}")
        read = await here.client.get(made["urls"]["self"], headers=here.as_user("ana"))
        assert read.json()["title"] == "Sum"
        assert read.json()["tags"] == ["x"]


async def test_parameters_may_be_given_by_position(site) -> None:
    async with site() as here:
        made = await here.submit(params=[1, 2])
        stored = await here.client.get(f"/v1/jobs/{made['id']}/input", headers=here.as_user("ana"))
        assert stored.json() == {"args": [1, 2], "kwargs": {}}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"task": "demo.nothing"}, 404, "unknown_task"),
        ({"task": "demo.secret_task"}, 404, "unknown_task"),
        ({"task": "demo.add", "params": {}}, 422, "invalid_params"),
        ({"task": "demo.add", "params": {"a": "one"}}, 422, "invalid_params"),
        ({"task": "demo.add", "params": {"a": 1, "c": 1}}, 422, "invalid_params"),
        ({"task": "demo.add", "params": 7}, 422, "invalid_request"),
        ({"task": "demo.add", "params": {"a": 1}, "titel": "x"}, 422, "invalid_request"),
        ({"task": "demo.add", "params": {"a": 1}, "title": "a\x00b"}, 422, "invalid_request"),
        ({"task": "demo.add", "params": {"a": 1}, "tags": ["t"] * 17}, 422, "invalid_request"),
        ({"task": "demo.add", "params": {"a": 1}, "delay_s": -1}, 422, "invalid_request"),
        ({"task": "demo.add", "params": {"a": 1}, "run_at": "tomorrow"}, 422, "invalid_request"),
        ({"task": "demo.add", "params": {"a": 1}, "job_id": "x"}, 422, "invalid_options"),
        (
            {"task": "demo.add", "params": {"a": 1}, "meta": {"m": "x" * 20_000}},
            422,
            "invalid_options",
        ),
        ({"task": "demo.add", "params": {"a": 1, "b": 10**40}}, 200, None),
        ({"task": "demo.add", "params": {"a": 1}, "owner": "bob"}, 403, "role_missing"),
        (
            {"task": "demo.add", "params": {"a": 1}, "parent_id": str(uuid.UUID(int=1))},
            404,
            "job_not_found",
        ),
    ],
)
async def test_a_bad_submit_is_refused_with_a_code(
    site, problem: Problem, body: dict[str, Any], status: int, code: str | None
) -> None:
    async with site() as here:
        answer = await here.client.post("/v1/jobs", json=body, headers=here.as_user("ana"))
        assert answer.status_code == status, answer.text
        if code is not None:
            assert problem(answer)["code"] == code


async def test_a_sender_may_submit_what_is_not_exposed(site) -> None:
    async with site() as here:
        made = await here.submit("mail", task="demo.secret_task", params={})
        assert made["owner"] == "mail"
        listed = await here.client.get("/v1/tasks", headers=here.as_user("mail"))
        assert [task["name"] for task in listed.json()["tasks"]] == ["demo.add", "demo.secret_task"]


async def test_a_user_sees_the_exposed_tasks_with_their_schema(site) -> None:
    async with site() as here:
        listed = await here.client.get("/v1/tasks", headers=here.as_user("ana"))
        (task,) = listed.json()["tasks"]
        assert task["name"] == "demo.add"
        assert task["description"] == "Add two numbers."
        assert "a" in json.dumps(task["params"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/events"),
        ("GET", "/result"),
        ("GET", "/input"),
        ("POST", "/cancel"),
        ("POST", "/retry"),
        ("DELETE", ""),
    ],
)
async def test_a_foreign_job_is_answered_exactly_as_an_unknown_one(
    site, problem: Problem, method: str, path: str
) -> None:
    async with site() as here:
        made = await here.submit("ana")
        unknown = str(uuid.uuid4())
        answers = [
            await here.client.request(method, f"/v1/jobs/{job}{path}", headers=here.as_user("bob"))
            for job in (made["id"], unknown)
        ]
        texts = [
            answer.text.replace(job, "<id>")
            for answer, job in zip(answers, (made["id"], unknown), strict=True)
        ]
        assert texts[0] == texts[1]
        assert problem(answers[0])["code"] == "job_not_found"
        assert (await here.store.job(made["id"])).state == "queued"


@pytest.mark.parametrize("job_id", ["x", "%00", "a" * 65, "%F0%9F%98%80", "..%2F..", "' or 1=1"])
async def test_an_id_of_any_form_is_unknown(site, problem: Problem, job_id: str) -> None:
    async with site() as here:
        answer = await here.client.get(f"/v1/jobs/{job_id}", headers=here.as_user("ana"))
        assert answer.status_code == 404
        problem(answer)


async def test_a_list_holds_the_callers_jobs_newest_first_in_pages(site) -> None:
    async with site() as here:
        for number in range(5):
            here.clock.advance(1)
            await here.submit("ana", title=f"job {number}")
        await here.submit("bob")
        titles, cursor = [], None
        for _ in range(3):
            query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (
                await here.client.get("/v1/jobs", params=query, headers=here.as_user("ana"))
            ).json()
            titles += [job["title"] for job in page["jobs"]]
            cursor = page["cursor"]
        assert titles == [f"job {number}" for number in (4, 3, 2, 1, 0)]
        assert cursor is None


async def test_filters_narrow_the_list(site) -> None:
    async with site() as here:
        first = await here.submit("ana", title="Blue report", tags=["blue"])
        here.clock.advance(60)
        second = await here.submit("ana", title="Red report", tags=["red"])
        await here.client.post(f"/v1/jobs/{second['id']}/cancel", headers=here.as_user("ana"))

        async def ids(**query: Any) -> list[str]:
            answer = await here.client.get("/v1/jobs", params=query, headers=here.as_user("ana"))
            assert answer.status_code == 200, answer.text
            return [job["id"] for job in answer.json()["jobs"]]

        assert await ids(state="queued,running") == [first["id"]]
        assert await ids(state="cancelled") == [second["id"]]
        assert await ids(tag="red") == [second["id"]]
        assert await ids(text="blue") == [first["id"]]
        assert await ids(text=first["id"][:8]) == [first["id"]]
        assert await ids(kind="demo.other") == []
        assert await ids(created_after="2026-01-01T00:00:30Z") == [second["id"]]
        assert await ids(created_before="2026-01-01T00:00:30+00:00") == [first["id"]]
        assert await ids(parent=first["id"]) == []


@pytest.mark.parametrize(
    "query",
    [
        "state=done",
        "limit=0",
        "limit=201",
        "limit=x",
        "colour=red",
        "limit=1&limit=2",
        "created_after=yesterday",
        "created_after=2026-01-01T00:00:00",
        "text=%00",
        "text=%FF",
        "cursor=",
        "cursor=garbage",
        "&".join(f"x{n}=1" for n in range(100)),
    ],
)
async def test_a_bad_query_is_refused(site, problem: Problem, query: str) -> None:
    async with site() as here:
        answer = await here.client.get(f"/v1/jobs?{query}", headers=here.as_user("ana"))
        assert answer.status_code == 422, answer.text
        problem(answer)


async def test_only_an_admin_lists_the_jobs_of_others(site, problem: Problem) -> None:
    async with site() as here:
        await here.submit("ana")
        await here.submit("bob")
        refused = await here.client.get("/v1/jobs?owner=bob", headers=here.as_user("ana"))
        assert problem(refused)["code"] == "role_missing"
        everything = await here.client.get("/v1/jobs", headers=here.as_user("root"))
        assert {job["owner"] for job in everything.json()["jobs"]} == {"ana", "bob"}
        of_bob = await here.client.get("/v1/jobs?owner=bob", headers=here.as_user("root"))
        assert {job["owner"] for job in of_bob.json()["jobs"]} == {"bob"}


async def test_an_admin_submits_for_somebody_else(site) -> None:
    async with site() as here:
        made = await here.submit("root", owner="ana")
        assert made["owner"] == "ana"
        seen = await here.client.get(made["urls"]["self"], headers=here.as_user("ana"))
        assert seen.status_code == 200


async def test_tenants_do_not_see_each_other(site) -> None:
    async with site() as here:
        answer = await here.client.post(
            "/v1/jobs",
            json={"task": "demo.add", "params": {"a": 1}},
            headers=here.bearer("ana", tenant="north"),
        )
        path = f"/v1/jobs/{answer.json()['id']}"
        for headers, status in (
            (here.bearer("ana", tenant="north"), 200),
            (here.bearer("ana", tenant="south"), 404),
            (here.bearer("ana"), 404),
            (here.bearer("boss", tenant="south", role="admin"), 404),
            (here.bearer("boss", role="admin"), 200),
        ):
            assert (await here.client.get(path, headers=headers)).status_code == status


async def test_events_are_read_from_an_offset_on(site) -> None:
    async with site() as here:
        made = await here.submit()
        await here.start(made["id"])
        await here.tell(LogWritten(job_id=made["id"], attempt=1, message="hello"))
        path = made["urls"]["events"]
        headers = here.as_user("ana")
        page = (await here.client.get(path, headers=headers)).json()
        assert [event["seq"] for event in page["events"]] == [1, 2, 3]
        assert (page["offset"], page["is_gap"], page["has_more"]) == (3, False, False)
        rest = (await here.client.get(f"{path}?since=2", headers=headers)).json()
        assert [event["message"] for event in rest["events"]] == ["hello"]
        first = (await here.client.get(f"{path}?limit=1", headers=headers)).json()
        assert first["has_more"] is True
        other = (await here.client.get(f"{path}?since=2&epoch=zzz", headers=headers)).json()
        assert other["is_gap"] is True
        ahead = (await here.client.get(f"{path}?since=99", headers=headers)).json()
        assert ahead["is_gap"] is True


async def test_a_long_poll_is_answered_by_the_next_event(site) -> None:
    async with site() as here:
        made = await here.submit()
        await here.start(made["id"])
        answers: list[Any] = []

        async def poll() -> None:
            answers.append(
                await here.client.get(
                    f"{made['urls']['events']}?since=2&wait_s=30", headers=here.as_user("ana")
                )
            )

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(poll)
                await here.tell(LogWritten(job_id=made["id"], attempt=1, message="hello"))
        assert [event["message"] for event in answers[0].json()["events"]] == ["hello"]


async def test_a_long_poll_after_the_end_is_answered_at_once(site) -> None:
    async with site() as here:
        made = await here.submit()
        await here.client.post(made["urls"]["cancel"], headers=here.as_user("ana"))
        with anyio.fail_after(60):
            answer = await here.client.get(
                f"{made['urls']['events']}?since=3&wait_s=30", headers=here.as_user("ana")
            )
        assert answer.json()["events"] == []


async def test_the_result_comes_as_the_task_returned_it(site, problem: Problem) -> None:
    async with site() as here:
        made = await here.submit()
        headers = here.as_user("ana")
        early = await here.client.get(made["urls"]["result"], headers=headers)
        assert (early.status_code, problem(early)["code"]) == (409, "not_finished")
        await here.start(made["id"])
        await here.tell(Done(job_id=made["id"], attempt=1, result=msgspec.Raw(b'{"sum": 3}')))
        done = await here.client.get(made["urls"]["result"], headers=headers)
        assert done.content == b'{"sum": 3}'
        assert done.headers["content-type"] == "application/json"


async def test_a_cancelled_job_without_a_partial_result_says_so(site, problem: Problem) -> None:
    async with site() as here:
        made = await here.submit()
        headers = here.as_user("ana")
        cancelled = await here.client.post(made["urls"]["cancel"], headers=headers)
        assert cancelled.json()["state"] == "cancelled"
        result = await here.client.get(made["urls"]["result"], headers=headers)
        assert (result.status_code, problem(result)["code"]) == (404, "no_result")
        again = await here.client.post(made["urls"]["cancel"], headers=headers)
        assert (again.status_code, problem(again)["code"]) == (409, "job_state")


async def test_a_retry_is_a_new_job_that_names_the_old_one(site, problem: Problem) -> None:
    async with site() as here:
        made = await here.submit(title="again")
        headers = here.as_user("ana")
        early = await here.client.post(made["urls"]["retry"], headers=headers)
        assert (early.status_code, problem(early)["code"]) == (409, "job_state")
        await here.client.post(made["urls"]["cancel"], headers=headers)
        again = (await here.client.post(made["urls"]["retry"], headers=headers)).json()
        assert again["retry_of"] == made["id"]
        assert again["id"] != made["id"]
        assert again["title"] == "again"
        assert again["channel"] == f"job:{again['id']}"


async def test_only_an_admin_sees_the_stack(site) -> None:
    async with site() as here:
        made = await here.submit()
        await here.start(made["id"])
        error = JobError(kind="error", code="boom", message="no", traceback="line 1")
        await here.tell(Failed(job_id=made["id"], attempt=1, error=error))
        own = (await here.client.get(made["urls"]["self"], headers=here.as_user("ana"))).json()
        assert own["error"]["code"] == "boom"
        assert "traceback" not in own["error"] or own["error"]["traceback"] is None
        seen = (await here.client.get(made["urls"]["self"], headers=here.as_user("root"))).json()
        assert seen["error"]["traceback"] == "line 1"
        events = await here.client.get(made["urls"]["events"], headers=here.as_user("ana"))
        assert "line 1" not in events.text


async def test_a_unique_key_of_one_user_does_not_meet_that_of_another(site) -> None:
    async with site() as here:
        first = await here.submit("ana", unique="report")
        assert (await here.submit("ana", unique="report"))["id"] == first["id"]
        assert (await here.submit("bob", unique="report"))["id"] != first["id"]


async def test_the_token_of_a_job_reads_that_job_and_nothing_else(site, problem: Problem) -> None:
    async with site() as here:
        made, other = await here.submit(), await here.submit()
        headers = {"Authorization": f"Bearer {made['token']}"}
        assert (await here.client.get(made["urls"]["self"], headers=headers)).status_code == 200
        assert (await here.client.get(made["urls"]["events"], headers=headers)).status_code == 200
        foreign = await here.client.get(other["urls"]["self"], headers=headers)
        assert problem(foreign)["code"] == "job_not_found"
        for method, path in (
            ("POST", made["urls"]["cancel"]),
            ("GET", "/v1/jobs"),
            ("POST", "/v1/jobs"),
            ("POST", "/v1/tokens"),
            ("GET", "/v1/tasks"),
            ("DELETE", made["urls"]["self"]),
        ):
            answer = await here.client.request(method, path, headers=headers)
            assert (answer.status_code, problem(answer)["code"]) == (403, "token_scope"), path


async def test_a_finished_job_is_forgotten_with_its_events(site, problem: Problem) -> None:
    async with site() as here:
        made = await here.submit()
        headers = here.as_user("ana")
        path = made["urls"]["self"]
        early = await here.client.delete(path, headers=headers)
        assert (early.status_code, problem(early)["code"]) == (409, "job_state")
        await here.client.post(made["urls"]["cancel"], headers=headers)
        assert (await here.client.delete(path, headers=headers)).status_code == 204
        for gone in (path, made["urls"]["events"], made["urls"]["result"]):
            answer = await here.client.get(gone, headers=headers)
            assert problem(answer)["code"] == "job_not_found"


async def test_a_server_that_stops_answers_long_polls_at_once(site) -> None:
    async with site() as here:
        made = await here.submit()
        answers: list[Any] = []

        async def poll() -> None:
            answer = await here.client.get(
                f"{made['urls']['events']}?since=1&wait_s=30", headers=here.as_user("ana")
            )
            answers.append(answer)

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(poll)
                await anyio.wait_all_tasks_blocked()
                here.app.state.stop_waiting()
            await poll()
        assert [answer.json()["events"] for answer in answers] == [[]] * 4
