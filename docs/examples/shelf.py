from avance import App, Job
from avance.storage import Append, Changes, Engine, Rows, Schema

SHELF = Schema(
    name="shelf",
    scripts={
        Engine.SQLITE: ("CREATE TABLE shelf (name TEXT PRIMARY KEY, count INTEGER NOT NULL);",),
        Engine.POSTGRES: ("CREATE TABLE shelf (name TEXT PRIMARY KEY, count BIGINT NOT NULL);",),
    },
)

app = App("shelf", schemas=[SHELF])


@app.task
async def put(name: str, count: int, job: Job) -> int:
    def change(changes: Changes) -> int:
        row = changes.one(
            "INSERT INTO shelf VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET count = shelf.count + excluded.count RETURNING count",
            name,
            count,
        )
        assert row is not None
        told = b'{"name":"%s","count":%d}' % (name.encode(), row[0])
        changes.append(Append(channel="topic:shelf", body=told, is_stamped=False))
        return int(row[0])

    return await app.host.records.write(change)


async def total() -> int:
    def read(rows: Rows) -> int:
        row = rows.one("SELECT coalesce(sum(count), 0) FROM shelf")
        return 0 if row is None else int(row[0])

    return await app.host.records.read(read)
