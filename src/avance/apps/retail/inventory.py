"""
Products, movements, orders. A change and the alerts that it raises are one transaction; the alerts are told right after it, or at the next
start if the process went away in between.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

import msgspec

from avance import Avance
from avance.apps.retail import rules
from avance.apps.retail.goods import (
    Alert,
    Finding,
    Imported,
    Movement,
    MovementIn,
    Order,
    OrderIn,
    Product,
    ProductIn,
)
from avance.errors import Conflict, InvalidRequest, NotFound
from avance.storage import Changes, Row, Rows

T = TypeVar("T")
PAGE = 200
ALERTS_AT_ONCE = 100
ROWS_TOGETHER = 250
_PRODUCT = "sku, name, stock, threshold, price_cents, responsible"
_ORDER = "id, customer, sku, quantity, state, created_ms"


class Inventory:
    def __init__(self, host: Avance) -> None:
        self._host = host

    async def products(self, *, only_low: bool = False) -> Sequence[Product]:
        where = " WHERE stock <= threshold" if only_low else ""
        found = await self._host.records.read(
            lambda rows: rows.all(
                f"SELECT {_PRODUCT} FROM retail_products{where} ORDER BY sku LIMIT ?", PAGE
            )
        )
        return [_product(row) for row in found]

    async def product(self, sku: str) -> Product:
        return await self._host.records.read(lambda rows: _find(rows, sku))

    async def put(self, given: ProductIn, user: str) -> Product:
        """
        Make a product, or change it; its stock changes by movements alone.
        """

        def work(changes: Changes) -> Product:
            return _put(changes, given, user)

        return await self._write(work)

    async def move(self, sku: str, given: MovementIn, user: str) -> Product:
        """
        Book goods that came or went.

        Raises:
            NotFound: There is no such product.
            Conflict: There are not so many.
        """
        return await self._write(lambda changes: _move(changes, sku, given, user))

    async def movements(self, sku: str) -> Sequence[Movement]:
        def read(rows: Rows) -> Sequence[Row]:
            _find(rows, sku)
            return rows.all(
                "SELECT id, sku, quantity, stock_after, reason, made_by, created_ms FROM retail_movements"
                " WHERE sku = ? ORDER BY id DESC LIMIT ?",
                sku,
                PAGE,
            )

        return [_movement(row) for row in await self._host.records.read(read)]

    async def reprice(self, sku: str, price_cents: int) -> Product:
        def work(changes: Changes) -> Product:
            before = _find(changes, sku)
            after = msgspec.structs.replace(before, price_cents=price_cents)
            changes.run(
                "UPDATE retail_products SET price_cents = ?, changed_ms = ? WHERE sku = ?",
                price_cents,
                changes.now_ms,
                sku,
            )
            _raise(changes, rules.price_changed(before, after))
            return after

        return await self._write(work)

    async def order(self, given: OrderIn, user: str) -> Order:
        def work(changes: Changes) -> Order:
            product = _find(changes, given.sku)
            row = changes.one(
                "INSERT INTO retail_orders (customer, sku, quantity, state, created_ms, changed_ms)"
                f" VALUES (?, ?, ?, 'pending', ?, ?) RETURNING {_ORDER}",
                given.customer or user,
                given.sku,
                given.quantity,
                changes.now_ms,
                changes.now_ms,
            )
            assert row is not None
            order = _order(row)
            _raise(changes, rules.order_made(order, product))
            return order

        return await self._write(work)

    async def orders(self, *, customer: str | None = None) -> Sequence[Order]:
        """
        The last of all, or of one customer.
        """
        where, values = ("", ()) if customer is None else (" WHERE customer = ?", (customer,))
        found = await self._host.records.read(
            lambda rows: rows.all(
                f"SELECT {_ORDER} FROM retail_orders{where} ORDER BY id DESC LIMIT ?", *values, PAGE
            )
        )
        return [_order(row) for row in found]

    async def make_ready(self, order_id: int, user: str) -> Order:
        """
        Take the goods from the stock and tell the customer.

        Raises:
            NotFound: There is no such order.
            Conflict: It is not pending, or there are not enough goods.
        """

        def work(changes: Changes) -> Order:
            row = changes.one(
                f"UPDATE retail_orders SET state = 'ready', changed_ms = ? WHERE id = ? AND state = 'pending' RETURNING {_ORDER}",
                changes.now_ms,
                order_id,
            )
            if row is None:
                raise _no_pending(changes, order_id)
            order = _order(row)
            taken = MovementIn(quantity=-order.quantity, reason=f"order {order.id}")
            product = _move(changes, order.sku, taken, user)
            _raise(changes, rules.order_ready(order, product))
            return order

        return await self._write(work)

    async def take_in(
        self, products: Sequence[ProductIn], findings: Sequence[Finding], user: str
    ) -> Imported:
        """
        Keep the good rows of a file.
        """

        def keep(changes: Changes, some: Sequence[ProductIn]) -> None:
            for given in some:
                _put(changes, given, user)

        for first in range(0, len(products), ROWS_TOGETHER):
            some = products[first : first + ROWS_TOGETHER]
            await self._host.records.write(partial(keep, some=some))
        imported = Imported(imported=len(products), findings=tuple(findings))
        raised = tuple(rules.file_imported(user, len(products), len(findings)))
        await self._write(lambda changes: _raise(changes, raised))
        return imported

    async def _write(self, work: Callable[[Changes], T]) -> T:
        value = await self._host.records.write(work)
        await tell_alerts(self._host)
        return value


@asynccontextmanager
async def told(host: Avance) -> AsyncIterator[None]:
    """
    Tell what a process that went away could not.
    """
    await tell_alerts(host)
    yield


async def tell_alerts(host: Avance) -> None:
    """
    Tell every alert that is written; each once, however often this is called.
    """

    def read(rows: Rows) -> Sequence[Row]:
        return rows.all(
            "SELECT id, document FROM retail_alerts ORDER BY id LIMIT ?", ALERTS_AT_ONCE
        )

    while found := await host.records.read(read):
        for number, document in found:
            alert = msgspec.json.decode(document, type=Alert)
            await host.notify(
                alert.user,
                alert.title,
                body=alert.body,
                kind=alert.kind,
                priority=alert.priority,
                data=alert.data,
                dedupe=alert.dedupe,
                idempotency=("retail", f"alert-{number}"),
            )
        await host.records.write(partial(_forget_alerts, last=found[-1][0]))


def _forget_alerts(changes: Changes, last: int) -> None:
    changes.run("DELETE FROM retail_alerts WHERE id <= ?", last)


def _put(changes: Changes, given: ProductIn, user: str) -> Product:
    row = changes.one(f"SELECT {_PRODUCT} FROM retail_products WHERE sku = ?", given.sku)
    before = None if row is None else _product(row)
    responsible = given.responsible or (user if before is None else before.responsible)
    after = Product(
        sku=given.sku,
        name=given.name,
        stock=given.stock if before is None else before.stock,
        threshold=given.threshold,
        price_cents=given.price_cents,
        responsible=responsible,
    )
    changes.run(
        f"INSERT INTO retail_products ({_PRODUCT}, changed_ms) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (sku) DO UPDATE SET name = excluded.name, threshold = excluded.threshold,"
        " price_cents = excluded.price_cents, responsible = excluded.responsible, changed_ms = excluded.changed_ms",
        *msgspec.structs.astuple(after),
        changes.now_ms,
    )
    if before is not None:
        _raise(changes, rules.price_changed(before, after))
    return after


def _move(changes: Changes, sku: str, given: MovementIn, user: str) -> Product:
    # Checked by the database in the same statement: two sales at once never sell the same piece.
    row = changes.one(
        "UPDATE retail_products SET stock = stock + ?, changed_ms = ? WHERE sku = ? AND stock + ? >= 0"
        f" RETURNING {_PRODUCT}",
        given.quantity,
        changes.now_ms,
        sku,
        given.quantity,
    )
    if row is None:
        there = _find(changes, sku)
        raise Conflict(
            f"{there.stock} of {sku} are in stock, {-given.quantity} are wanted",
            code="stock_short",
            stock=there.stock,
        )
    after = _product(row)
    before = msgspec.structs.replace(after, stock=after.stock - given.quantity)
    changes.run(
        "INSERT INTO retail_movements (sku, quantity, stock_after, reason, made_by, created_ms)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        sku,
        given.quantity,
        after.stock,
        given.reason,
        user,
        changes.now_ms,
    )
    _raise(changes, rules.stock_changed(before, after))
    return after


def _raise(changes: Changes, alerts: Iterable[Alert]) -> None:
    changes.run_many(
        "INSERT INTO retail_alerts (document) VALUES (?)",
        [(msgspec.json.encode(alert).decode(),) for alert in alerts],
    )


def _find(rows: Rows, sku: str) -> Product:
    row = rows.one(f"SELECT {_PRODUCT} FROM retail_products WHERE sku = ?", sku)
    if row is None:
        raise NotFound(f"there is no product {sku[:80]!r}", code="product_not_found")
    return _product(row)


def _no_pending(rows: Rows, order_id: int) -> NotFound | Conflict:
    row = rows.one("SELECT state FROM retail_orders WHERE id = ?", order_id)
    if row is None:
        return NotFound(f"there is no order {order_id}", code="order_not_found")
    return Conflict(f"order {order_id} is {row[0]}, not pending", code="order_state", state=row[0])


def _product(row: Row) -> Product:
    return Product(
        sku=row[0],
        name=row[1],
        stock=row[2],
        threshold=row[3],
        price_cents=row[4],
        responsible=row[5],
    )


def _movement(row: Row) -> Movement:
    return Movement(
        id=row[0],
        sku=row[1],
        quantity=row[2],
        stock_after=row[3],
        reason=row[4],
        made_by=row[5],
        created_at=_moment(row[6]),
    )


def _order(row: Row) -> Order:
    return Order(
        id=row[0],
        customer=row[1],
        sku=row[2],
        quantity=row[3],
        state=row[4],
        created_at=_moment(row[5]),
    )


def _moment(moment_ms: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment_ms)
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def checked_quantity(given: MovementIn) -> MovementIn:
    """
    Raises:
        InvalidRequest: Nothing moves.
    """
    if given.quantity == 0:
        raise InvalidRequest(
            "quantity is 0; say how many came, or below zero went", code="no_quantity"
        )
    return given
