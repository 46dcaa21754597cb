"""
The URL of a PostgreSQL database is the argument.
"""

import asyncio
import sys

import psycopg

from avance import Avance

url = sys.argv[1]
app = Avance(store=url)


@app.task
async def send_invoice(order: str) -> str:
    return f"invoice of {order}"


async def main() -> None:
    async with app.open():
        with psycopg.connect(url) as own:
            own.execute("INSERT INTO orders (id) VALUES (%s)", ("o1",))
            job = await send_invoice.using(tx=own).submit("o1")
        print(job.id)


asyncio.run(main())
