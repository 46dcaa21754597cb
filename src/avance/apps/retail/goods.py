"""
What the inventory holds, and what it takes.
"""

from typing import Annotated, Literal

import msgspec

Sku = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
Change = Annotated[int, msgspec.Meta(ge=-1_000_000_000, le=1_000_000_000)]
OrderState = Literal["pending", "ready", "cancelled"]


class ProductIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sku: Sku
    name: Name
    stock: Count = 0
    threshold: Count = 0
    price_cents: Count = 0
    responsible: Name | None = None
    """Who hears of it; by default who made it."""


class Product(msgspec.Struct, frozen=True, kw_only=True):
    sku: str
    name: str
    stock: int
    threshold: int
    price_cents: int
    responsible: str

    @property
    def is_low(self) -> bool:
        return self.stock <= self.threshold


class ProductView(msgspec.Struct, frozen=True, kw_only=True):
    sku: str
    name: str
    stock: int
    threshold: int
    price_cents: int
    responsible: str
    is_low: bool


class MovementIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    quantity: Change
    """Goods that came; below zero, that went."""
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    sku: str
    quantity: int
    stock_after: int
    reason: str
    made_by: str
    created_at: str


class OrderIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sku: Sku
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    customer: Name | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    customer: str
    sku: str
    quantity: int
    state: str
    created_at: str


class PriceIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    price_cents: Count


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is wrong with one row of a file; the others are taken.
    """

    row: int
    column: str | None
    code: str
    message: str


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    imported: int
    findings: tuple[Finding, ...]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """
    A notification that a rule raises.
    """

    user: str
    kind: str
    priority: Literal["low", "normal", "high", "critical"]
    title: str
    body: str
    data: dict[str, object]
    dedupe: str | None = None


def view(product: Product) -> ProductView:
    return ProductView(**msgspec.structs.asdict(product), is_low=product.is_low)
