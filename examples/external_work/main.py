"""
Work that runs elsewhere: a warehouse packs an order and calls back. avance keeps the job, its progress and its end.

    uvicorn main:api --port 8000
    curl -s -X POST http://127.0.0.1:8000/orders
    curl -s -X POST 'http://127.0.0.1:8000/orders/<id>/packed?parcels=1'
"""

from fastapi import FastAPI, HTTPException

import avance.fastapi
from avance import Avance, Tracker

PARCELS = 3

app = Avance()
api = FastAPI(title="Orders")
avance.fastapi.install(api, app)

orders: dict[str, Tracker] = {}


@api.post("/orders")
async def order() -> dict[str, str]:
    """
    Begin to follow an order; it expires when nobody ends it within the day.
    """
    tracker = await app.track(kind="order", owner="dev", title="An order", deadline_s=86_400)
    orders[tracker.id] = tracker
    return {"job_id": tracker.id, "channel": f"job:{tracker.id}"}


@api.post("/orders/{order_id}/packed")
async def packed(order_id: str, parcels: int) -> dict[str, int]:
    """
    What the warehouse calls.
    """
    tracker = orders.get(order_id)
    if tracker is None:
        raise HTTPException(404, f"there is no open order {order_id}")
    tracker.progress(current=parcels, total=PARCELS, unit="parcel")
    if parcels >= PARCELS:
        await tracker.done({"parcels": parcels})
        del orders[order_id]
    return {"parcels": parcels}
