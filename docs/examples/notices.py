from avance import Avance, Escalate, on_finish

app = Avance()


@app.task(notify=on_finish("{title} is ready", url="/jobs/{id}"))
def report(month: str) -> str:
    return month


@app.task
async def stock_is_low(user: str, product: str) -> None:
    await app.notify(
        user,
        f"{product}: stock is low",
        kind="stock_alert",
        priority="high",
        dedupe=f"stock:{product}",
        channels=("in_app", "email"),
        escalate=Escalate(after_s=900, channel="sms"),
    )
