from fastapi import FastAPI
from shop import app, ingest

import avance.fastapi

api = FastAPI()
avance.fastapi.install(api, app)


@api.post("/manuals")
async def add_manual(path: str) -> dict[str, str]:
    handle = await ingest.submit(path)
    return {"job_id": handle.id, "token": handle.token}
