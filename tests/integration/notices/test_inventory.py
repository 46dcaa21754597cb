"""
The inventory raises the kinds of docs/contract/notices.md 3.1 by rules, over the same socket.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import anyio

from avance.apps.retail.inventory import Inventory
from avance.storage import Changes

from .conftest import Built, Site, Tab

Serving: TypeAlias = Callable[[Built], AbstractAsyncContextManager[Site]]
PRODUCTS = "/api/retail/products"


async def make(site: Site, **fields: Any) -> None:
    product = {"sku": "A", "name": "Producto A", "stock": 10, "threshold": 4, "responsible": "1"}
    await site.call("POST", PRODUCTS, key="key-mail", json={**product, **fields})


async def move(site: Site, quantity: int) -> None:
    await site.call("POST", f"{PRODUCTS}/A/movements", key="key-mail", json={"quantity": quantity})


async def next_kind(tab: Tab) -> tuple[str, str]:
    frame = await tab.until("notification")
    return frame["notification_type"], frame["priority"]


async def test_stock_on_its_way_down_tells_once_at_each_mark(
    token_mode: Built, serving: Serving
) -> None:
    async with serving(token_mode) as site, site.tab_of("1") as tab:
        await tab.greeted()
        await make(site)
        await move(site, -3)
        await tab.nothing_more()
        await move(site, -3)
        assert await next_kind(tab) == ("inventory_low", "medium")
        await move(site, -1)
        await move(site, -1)
        assert await next_kind(tab) == ("stock_alert", "high")
        await move(site, -2)
        assert await next_kind(tab) == ("stock_alert", "critical")
        await move(site, 10)
        await tab.until("unread_count", count=3)
        await tab.nothing_more()
        low = await site.call("GET", f"{PRODUCTS}?low=true")
        assert low == {"products": []}


async def test_orders_prices_and_files_tell_whom_they_concern(
    token_mode: Built, serving: Serving
) -> None:
    async with (
        serving(token_mode) as site,
        site.tab_of("1") as responsible,
        site.tab_of("2") as customer,
        site.tab_of("mail") as clerk,
    ):
        for tab in (responsible, customer, clerk):
            await tab.greeted()
        await make(site)
        order = await site.call(
            "POST", "/api/retail/orders", key="key-2", json={"sku": "A", "quantity": 2}
        )
        assert await next_kind(responsible) == ("order_pending", "medium")
        await site.call("POST", f"/api/retail/orders/{order['id']}/ready", key="key-mail")
        assert await next_kind(customer) == ("order_ready", "medium")
        await site.call("PUT", f"{PRODUCTS}/A/price", key="key-mail", json={"price_cents": 1250})
        assert await next_kind(responsible) == ("price_change", "low")
        file = "sku;name;stock;threshold;price\nB;Producto B;5;1;12,50\nC;;1;1;1\nD;Producto D;x;1;1\nB;Otra vez;1;1;1\n"
        imported = await site.call("POST", "/api/retail/import", key="key-mail", content=file)
        assert imported["imported"] == 1
        assert [(one["row"], one["column"], one["code"]) for one in imported["findings"]] == [
            (3, "name", "missing"),
            (4, "stock", "no_number"),
            (5, "sku", "duplicate"),
        ]
        assert await next_kind(clerk) == ("system_alert", "high")
        product = await site.call("GET", f"{PRODUCTS}/B")
        assert (product["stock"], product["price_cents"]) == (5, 1250)


async def test_two_sales_at_once_never_sell_the_same_piece(
    token_mode: Built, serving: Serving
) -> None:
    async with serving(token_mode) as site:
        await make(site, stock=3)
        answers: list[int] = []

        async def sell() -> None:
            answer = await site.client.post(
                f"{PRODUCTS}/A/movements", json={"quantity": -1}, headers={"X-API-Key": "key-mail"}
            )
            answers.append(answer.status_code)

        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(sell)
        assert sorted(answers) == [200] * 3 + [409] * 5
        moved = await site.call("GET", f"{PRODUCTS}/A/movements")
        assert [one["stock_after"] for one in moved["movements"]] == [0, 1, 2]


async def test_an_alert_that_a_stopped_process_left_is_told_at_the_next_start(
    serving: Serving, two_starts: tuple[Built, Built]
) -> None:
    first, second = two_starts
    document = (
        b'{"user":"1","kind":"stock_alert","priority":"high","title":"Left","body":"","data":{}}'
    )

    def leave(changes: Changes) -> None:
        changes.run("INSERT INTO retail_alerts (document) VALUES (?)", document.decode())

    async with serving(first) as site:
        await site.host.records.write(leave)
    async with serving(second) as site:
        page = await site.host.inbox("1").list()
        assert [notice.title for notice in page.notices] == ["Left"]
        assert await Inventory(site.host).products() == []


async def test_a_user_may_look_and_order_but_not_change_the_stock(
    token_mode: Built, serving: Serving
) -> None:
    async with serving(token_mode) as site:
        await make(site)
        body = {"sku": "B", "name": "B", "quantity": -1, "price_cents": 1}
        for method, path in (
            ("POST", PRODUCTS),
            ("POST", f"{PRODUCTS}/A/movements"),
            ("PUT", f"{PRODUCTS}/A/price"),
            ("POST", "/api/retail/orders/1/ready"),
            ("POST", "/api/retail/import"),
        ):
            answer = await site.client.request(
                method, path, json=body, headers={"X-API-Key": "key-1"}
            )
            assert answer.status_code == 403, (path, answer.text)
        assert (await site.call("GET", PRODUCTS))["products"][0]["stock"] == 10


async def test_a_customer_sees_own_orders_alone_however_many_others_order(
    token_mode: Built, serving: Serving
) -> None:
    """
    README I4.
    """
    async with serving(token_mode) as site:
        await make(site)
        mine = await site.call(
            "POST", "/api/retail/orders", key="key-1", json={"sku": "A", "quantity": 2}
        )

        def others(changes: Changes) -> None:
            changes.run_many(
                "INSERT INTO retail_orders (customer, sku, quantity, state, created_ms, changed_ms)"
                " VALUES ('2', 'A', 1, 'pending', 0, ?)",
                [(number,) for number in range(250)],
            )

        await site.host.records.write(others)
        assert await site.call("GET", "/api/retail/orders") == {"orders": [mine]}
        everything = await site.call("GET", "/api/retail/orders", key="key-mail")
        assert len(everything["orders"]) == 200
