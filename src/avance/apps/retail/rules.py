"""
What the inventory tells, and whom. Pure: a change goes in, alerts come out.
"""

from collections.abc import Iterator

from avance.apps.retail.goods import Alert, Order, Product


def stock_changed(before: Product, after: Product) -> Iterator[Alert]:
    """
    At the threshold `inventory_low`; at half of it, and when nothing is left, `stock_alert`. Told on the way down, once at each mark.
    """
    if after.stock >= before.stock:
        return
    if after.stock <= 0 < before.stock:
        yield _stock(after, "stock_alert", "critical", f"{after.name}: sold out")
    elif _crossed(before, after, after.threshold // 2):
        yield _stock(after, "stock_alert", "high", f"{after.name}: stock is very low")
    elif _crossed(before, after, after.threshold):
        yield _stock(after, "inventory_low", "normal", f"{after.name}: stock is low")


def price_changed(before: Product, after: Product) -> Iterator[Alert]:
    if before.price_cents != after.price_cents:
        yield Alert(
            user=after.responsible,
            kind="price_change",
            priority="low",
            title=f"{after.name}: new price",
            body=f"{_money(before.price_cents)} → {_money(after.price_cents)}",
            data={"sku": after.sku, "price_cents": after.price_cents},
        )


def order_made(order: Order, product: Product) -> Iterator[Alert]:
    yield Alert(
        user=product.responsible,
        kind="order_pending",
        priority="normal",
        title=f"Order {order.id}: {order.quantity} × {product.name}",
        body=f"For {order.customer}; {product.stock} in stock",
        data={"order_id": order.id, "sku": product.sku},
    )


def order_ready(order: Order, product: Product) -> Iterator[Alert]:
    yield Alert(
        user=order.customer,
        kind="order_ready",
        priority="normal",
        title=f"Order {order.id} is ready",
        body=f"{order.quantity} × {product.name}",
        data={"order_id": order.id, "sku": product.sku},
    )


def file_imported(user: str, imported: int, findings: int) -> Iterator[Alert]:
    if findings:
        yield Alert(
            user=user,
            kind="system_alert",
            priority="high",
            title="Some rows of the file were not taken",
            body=f"{imported} products imported, {findings} rows with errors",
            data={"imported": imported, "findings": findings},
        )


def _crossed(before: Product, after: Product, mark: int) -> bool:
    return after.stock <= mark < before.stock


def _stock(product: Product, kind: str, priority: str, title: str) -> Alert:
    return Alert(
        user=product.responsible,
        kind=kind,
        priority=priority,  # type: ignore[arg-type]
        title=title,
        body=f"{product.stock} left, threshold {product.threshold}",
        data={"sku": product.sku, "stock": product.stock, "threshold": product.threshold},
        # While one waits unread, further sales of the same product say nothing new.
        dedupe=f"{kind}:{product.sku}:{priority}",
    )


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
