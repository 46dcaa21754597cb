"""
avance inside a Starlette app, with a page that follows a job without any library.

    uvicorn main:site --port 8000     and open http://127.0.0.1:8000
"""

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

import avance.fastapi
from avance import Avance, Job

app = Avance()

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Brew</title>
<h1>Brew</h1>
<button>Start</button>
<p><progress max="100" aria-label="Progress"></progress> <output></output></p>
<script>
const bar = document.querySelector("progress"), text = document.querySelector("output");
document.querySelector("button").onclick = async () => {
  const { channel, token } = await (await fetch("/brew", { method: "POST" })).json();
  const socket = new WebSocket(`ws://${location.host}/avance/connection/websocket`);
  const send = (...commands) => socket.send(commands.map((one) => JSON.stringify(one)).join("\\n"));
  socket.onopen = () => send({ id: 1, connect: { token } }, { id: 2, subscribe: { channel, token } });
  socket.onmessage = ({ data }) => {
    for (const reply of data.split("\\n").map((line) => JSON.parse(line))) {
      if (!Object.keys(reply).length) send({}); // a ping
      const publications = reply.push?.pub ? [reply.push.pub] : reply.subscribe?.publications ?? [];
      for (const { data: event } of publications) show(event);
    }
  };
  const show = (event) => {
    const progress = event.progress ?? event.job?.progress;
    if (progress?.percent != null) bar.value = progress.percent;
    const state = event.to ?? event.job?.state;
    text.textContent = state ?? progress?.message ?? text.textContent;
    if (["completed", "failed", "cancelled", "expired"].includes(state)) socket.close();
  };
};
</script>
</html>
"""


@app.task
async def brew(job: Job, cups: int = 5) -> str:
    """
    Brew coffee.
    """
    async for cup in job.track(_cups(cups), total=cups):
        job.progress(message=f"cup {cup} of {cups}")
    return f"{cups} cups"


async def _cups(cups: int):
    for cup in range(1, cups + 1):
        await asyncio.sleep(0.3)
        yield cup


async def home(request: Request) -> Response:
    return HTMLResponse(PAGE)


async def start(request: Request) -> Response:
    handle = await brew.using(owner="dev").submit()
    return JSONResponse({"job_id": handle.id, "channel": handle.channel, "token": handle.token})


site = Starlette(routes=[Route("/", home), Route("/brew", start, methods=["POST"])])
avance.fastapi.install(site, app)
