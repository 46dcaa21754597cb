"""
Who may do what in a channel. What is not there and what is somebody else's are refused alike.
"""

from avance.edge.http.access import may_see
from avance.hub.namespaces import RESERVED, Allow, Namespace
from avance.ports.auth import Identity
from avance.ports.store import Store
from avance.protocol import channel as names


class Access:
    """
    The rules of the namespaces for one caller.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def may_subscribe(
        self, identity: Identity, channel: str, namespace: Namespace, *, scope: str | None = None
    ) -> bool:
        """
        Whether a caller without a subscription token may listen.

        Args:
            scope: The one channel that the caller's connection token is for.
        """
        if scope is not None:
            return channel == scope
        if names.is_private(channel):
            return False
        if names.is_user_limited(channel):
            return self._is_named(identity, channel, namespace)
        if namespace.allow_subscribe is Allow.OWNER:
            return await self._is_owner(identity, channel)
        return is_allowed(namespace.allow_subscribe, identity, is_subscribed=False)

    def _is_named(self, identity: Identity, channel: str, namespace: Namespace) -> bool:
        if not namespace.allow_user_limited:
            return False
        if namespace.allow_subscribe is Allow.OWNER and _is_admin_of_all(identity):
            return True
        return names.is_allowed(channel, identity.user)

    async def _is_owner(self, identity: Identity, channel: str) -> bool:
        kind, _, name = channel.partition(names.NAMESPACE_BOUNDARY)
        if kind != "job":
            return False
        job = await self._store.job(name)
        return job is not None and may_see(identity, job)


def is_allowed(allow: Allow, identity: Identity, *, is_subscribed: bool) -> bool:
    """
    Whether a rule fits a caller.
    """
    match allow:
        case Allow.ANY:
            return True
        case Allow.AUTHENTICATED:
            return identity.user != ""
        case Allow.SUBSCRIBERS | Allow.OWNER:
            return is_subscribed
        case Allow.NOBODY:
            return False


def is_reserved(channel: str) -> bool:
    """
    Whether avance alone publishes in a channel.
    """
    return names.namespace(channel) in RESERVED


def _is_admin_of_all(identity: Identity) -> bool:
    return identity.is_admin and identity.tenant is None
