"""
The browsers that a user registered for web push.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from avance.notify.limits import NotifyLimits
from avance.ports.records import Changes, Records

Key = Annotated[str, msgspec.Meta(min_length=16, max_length=200, pattern=r"^[A-Za-z0-9_=-]+$")]


class PushKeys(msgspec.Struct, frozen=True, kw_only=True):
    p256dh: Key
    auth: Key


class PushSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """
    As `PushSubscription.toJSON()` of a browser gives it.
    """

    endpoint: Annotated[str, msgspec.Meta(max_length=1_000)]
    keys: PushKeys


class PushAddress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Which browser, by the address that its push service gave it.
    """

    endpoint: Annotated[str, msgspec.Meta(max_length=1_000)]


class PushSubscriptions:
    def __init__(self, records: Records, limits: NotifyLimits) -> None:
        self._records = records
        self._limits = limits

    async def add(self, user: str, subscription: PushSubscription) -> None:
        """
        A browser belongs to whoever registered it last; of too many, the oldest is forgotten.
        """
        document = msgspec.json.encode(subscription).decode()

        def work(changes: Changes) -> None:
            changes.run(
                "INSERT INTO push_subscriptions VALUES (?, ?, ?, ?) ON CONFLICT (endpoint) DO UPDATE"
                " SET user_id = excluded.user_id, document = excluded.document, created_ms = excluded.created_ms",
                subscription.endpoint,
                user,
                document,
                changes.now_ms,
            )
            changes.run(
                "DELETE FROM push_subscriptions WHERE endpoint IN (SELECT endpoint FROM push_subscriptions"
                " WHERE user_id = ? ORDER BY created_ms DESC, endpoint DESC LIMIT 1000 OFFSET ?)",
                user,
                self._limits.push_subscriptions_max,
            )

        await self._records.write(work)

    async def of(self, user: str) -> Sequence[PushSubscription]:
        found = await self._records.read(
            lambda rows: rows.all(
                "SELECT document FROM push_subscriptions WHERE user_id = ? ORDER BY created_ms",
                user,
            )
        )
        return [msgspec.json.decode(row[0], type=PushSubscription) for row in found]

    async def remove(self, user: str, endpoint: str) -> None:
        await self._records.write(
            lambda changes: changes.run(
                "DELETE FROM push_subscriptions WHERE endpoint = ? AND user_id = ?", endpoint, user
            )
        )
