import asyncio

from shop import app, ingest


async def main() -> None:
    async with app.open():
        handle = await ingest.using(owner="ana", tags=("manuals",)).submit("manual.pdf")
        async for job in handle.changes():
            print(job.state, job.progress.percent)
        print(await handle.result())


if __name__ == "__main__":
    asyncio.run(main())
