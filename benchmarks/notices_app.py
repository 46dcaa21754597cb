"""
What benchmarks/notices.py serves: the retail app, and one task that tells everybody.
"""

from avance import Avance
from avance.apps.retail import app as retail

app = Avance()
app.include(retail)


@app.task(name="bench.tell_all")
async def tell_all(users: int, subject: str) -> None:
    """
    As a shop that closes early does.
    """
    await app.notify_all(
        map(str, range(users)),
        subject,
        body="Producto A stock es bajo",
        kind="stock_alert",
        priority="high",
    )
