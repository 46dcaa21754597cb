"""
`avance jobs`: look after the jobs of a running server.
"""

import sys
from collections.abc import Mapping
from typing import Any

import click
import msgspec

from avance.cli.client import Client, job_path
from avance.cli.watch import watch_job
from avance.integrations.client.bar import line, printable

url_option = click.option("--url", help="Address of the server; else AVANCE_URL.")
json_option = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")


@click.group()
def jobs() -> None:
    """
    List, show, watch, submit, cancel and retry jobs of a running server.

    The address is AVANCE_URL, the credentials AVANCE_TOKEN or AVANCE_API_KEY.
    """


@jobs.command("ls")
@click.option("--state", help="One or several, separated by commas.")
@click.option("--kind", help="The name of the task.")
@click.option("--tag")
@click.option("--owner", help="Of this user; for admins.")
@click.option("--text", help="Part of the title, or the start of the id.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@json_option
@url_option
def list_jobs(as_json: bool, url: str | None, **query: Any) -> None:
    """
    List jobs, the newest first.
    """
    page = Client(url).get("/v1/jobs", query)
    if as_json:
        _print_json(page)
        return
    for job in page["jobs"]:
        title = printable(str(job.get("title") or ""))
        click.echo(f"{job['id']}  {line(job, 80):<79}  {job['kind']}  {title}".rstrip())
    if not page["jobs"]:
        click.echo("there are no such jobs", err=True)
    elif page["cursor"]:
        click.echo("there are more: raise --limit or narrow the list", err=True)


@jobs.command()
@click.argument("job_id")
@json_option
@url_option
def show(job_id: str, as_json: bool, url: str | None) -> None:
    """
    Show one job.
    """
    job = Client(url).get(job_path(job_id))
    if as_json:
        _print_json(job)
        return
    _print_job(job)


@jobs.command()
@click.argument("job_id")
@click.option("--logs/--no-logs", default=True, help="Show what the task logs.")
@json_option
@url_option
def watch(job_id: str, logs: bool, as_json: bool, url: str | None) -> None:
    """
    Watch a job to its end. Ends with 0 if it completed, 3 if it was cancelled, else 1; Ctrl-C leaves the job alone.
    """
    sys.exit(watch_job(Client(url), job_id, as_json=as_json, has_logs=logs))


@jobs.command()
@click.argument("task")
@click.argument("params", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--title")
@click.option("--tag", "tags", multiple=True)
@click.option("--delay", "delay_s", type=float, help="Seconds to wait before it may run.")
@click.option("--unique", help="While a job with this key is active, answer that one.")
@click.option("--priority", type=int)
@click.option("--watch", "is_watched", is_flag=True, help="Watch it to its end.")
@json_option
@url_option
def submit(
    task: str,
    params: tuple[str, ...],
    is_watched: bool,
    as_json: bool,
    url: str | None,
    **options: Any,
) -> None:
    """
    Submit TASK. A VALUE is JSON where it reads as JSON, else text.
    """
    client = Client(url)
    given = {name: value for name, value in options.items() if value not in (None, ())}
    job = client.call("POST", "/v1/jobs", {"task": task, "params": _params(params), **given})
    if is_watched:
        sys.exit(watch_job(client, job["id"], as_json=as_json, has_logs=True))
    if as_json:
        _print_json(job)
        return
    click.echo(job["id"])


@jobs.command()
@click.argument("job_id")
@url_option
def cancel(job_id: str, url: str | None) -> None:
    """
    Cancel a job that has not ended.
    """
    _print_job(Client(url).call("POST", f"{job_path(job_id)}/cancel"))


@jobs.command()
@click.argument("job_id")
@url_option
def retry(job_id: str, url: str | None) -> None:
    """
    Submit the work of a finished job again, as a new job.
    """
    job = Client(url).call("POST", f"{job_path(job_id)}/retry")
    click.echo(job["id"])


def _params(given: tuple[str, ...]) -> Mapping[str, Any]:
    params: dict[str, Any] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not (equals and name):
            raise click.BadParameter(f"{one!r} is not NAME=VALUE", param_hint="PARAMS")
        try:
            params[name] = msgspec.json.decode(text)
        except msgspec.DecodeError:
            params[name] = text
    return params


def _print_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def _print_job(job: Mapping[str, Any]) -> None:
    click.echo(line(job, 200))
    for name in ("id", "kind", "title", "owner", "tags", "created_at", "started_at", "ended_at"):
        if job.get(name):
            value = job[name]
            shown = ", ".join(value) if isinstance(value, list) else str(value)
            click.echo(f"  {name:<11} {printable(shown)}")
    if job.get("error"):
        click.echo(f"  error       {job['error']['code']}: {printable(job['error']['message'])}")
    if job.get("result") is not None:
        click.echo("  result      " + msgspec.json.encode(job["result"]).decode()[:500])
