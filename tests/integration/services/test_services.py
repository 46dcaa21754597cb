"""
The servers that other tests stand on.
"""

from postgres_service import PostgresServer
from redis_service import RedisServer


def test_a_redis_server_comes_back_empty_after_it_was_killed(redis_server: RedisServer) -> None:
    redis_server.ensure()
    redis_server.cli("SET", "key", "value")
    redis_server.stop()
    assert redis_server.cli("GET", "key") == ""
    redis_server.start()
    assert redis_server.cli("EXISTS", "key") == "0"


def test_a_postgres_server_keeps_what_was_committed_when_the_power_failed(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    database = postgres_url.rpartition("/")[2]
    postgres_server.sql("CREATE TABLE kept (value int)", database)
    postgres_server.sql("INSERT INTO kept VALUES (1)", database)
    postgres_server.stop("immediate")
    postgres_server.start()
    assert postgres_server.sql("SELECT value FROM kept", database) == "1"
