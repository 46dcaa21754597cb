"""
`/api/retail`: the inventory.
"""

import msgspec
from anyio import to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance.apps.retail import app, goods
from avance.apps.retail.asking import flag, sender, whole
from avance.apps.retail.inventory import Inventory, checked_quantity
from avance.apps.retail.settings import RetailSettings
from avance.apps.retail.table import read_products
from avance.errors import NotFound
from avance.web import count_start, described, json_answer, read_json

router = APIRouter(prefix="/api/retail", tags=["retail"])


class Products(msgspec.Struct, frozen=True, kw_only=True):
    products: tuple[goods.ProductView, ...]


class Movements(msgspec.Struct, frozen=True, kw_only=True):
    movements: tuple[goods.Movement, ...]


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    orders: tuple[goods.Order, ...]


async def products(request: Request) -> Response:
    """
    List the products; with `low=true`, those at or below their threshold.
    """
    whole(request)
    only_low = flag(request.query_params, "low", default=False)
    found = await _inventory().products(only_low=only_low)
    return json_answer(Products(products=tuple(goods.view(one) for one in found)))


async def put_product(request: Request) -> Response:
    """
    Make a product, or change it; its stock changes by movements.
    """
    who = sender(request)
    given = await read_json(request, goods.ProductIn)
    return json_answer(goods.view(await _inventory().put(given, who.user)))


async def product(request: Request) -> Response:
    """
    Read one product.
    """
    whole(request)
    return json_answer(goods.view(await _inventory().product(request.path_params["sku"])))


async def move(request: Request) -> Response:
    """
    Book goods that came or went; at a threshold whoever is responsible is told.
    """
    who = sender(request)
    given = checked_quantity(await read_json(request, goods.MovementIn))
    moved = await _inventory().move(request.path_params["sku"], given, who.user)
    return json_answer(goods.view(moved))


async def movements(request: Request) -> Response:
    """
    The last movements of a product.
    """
    whole(request)
    found = await _inventory().movements(request.path_params["sku"])
    return json_answer(Movements(movements=tuple(found)))


async def reprice(request: Request) -> Response:
    """
    Change the price of a product.
    """
    sender(request)
    given = await read_json(request, goods.PriceIn)
    changed = await _inventory().reprice(request.path_params["sku"], given.price_cents)
    return json_answer(goods.view(changed))


async def orders(request: Request) -> Response:
    """
    The last orders; of users, their own.
    """
    who = whole(request)
    found = await _inventory().orders(customer=None if who.is_trusted else who.user)
    return json_answer(Orders(orders=tuple(found)))


async def order(request: Request) -> Response:
    """
    Order goods; for somebody else, with the role sender.
    """
    who = whole(request)
    # Each order tells somebody.
    count_start(request)
    given = await read_json(request, goods.OrderIn)
    if given.customer not in (None, who.user):
        sender(request)
    return json_answer(await _inventory().order(given, who.user))


async def ready(request: Request) -> Response:
    """
    Take the goods of an order from the stock and tell the customer.
    """
    who = sender(request)
    text = request.path_params["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFound(f"there is no order {text[:40]}", code="order_not_found")
    return json_answer(await _inventory().make_ready(int(text), who.user))


async def import_file(request: Request) -> Response:
    """
    Take in a CSV file of products; the answer names the rows that were not taken, and why.
    """
    who = sender(request)
    rows_max = app.host.settings.section(RetailSettings).import_rows_max
    found, findings = await to_thread.run_sync(read_products, await request.body(), rows_max)
    return json_answer(await _inventory().take_in(found, findings, who.user))


def _inventory() -> Inventory:
    return Inventory(app.host)


described(router, "GET", "/products", products)
described(router, "POST", "/products", put_product)
described(router, "GET", "/products/{sku}", product)
described(router, "GET", "/products/{sku}/movements", movements)
described(router, "POST", "/products/{sku}/movements", move)
described(router, "PUT", "/products/{sku}/price", reprice)
described(router, "GET", "/orders", orders)
described(router, "POST", "/orders", order)
described(router, "POST", "/orders/{id}/ready", ready)
described(router, "POST", "/import", import_file)
