from redis import Redis

from avance.rq import Queue


def send(url: str) -> str:
    queue = Queue(connection=Redis.from_url(url))
    return queue.enqueue("shop.resize", "photo.jpg", meta={"avance_owner": "ana"}).id
