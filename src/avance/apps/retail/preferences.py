"""
The preferences of the contract, as a view of those that the core keeps.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import replace

from avance import Addresses, Avance, Frequency, Preferences, Priority, QuietHours
from avance.apps.retail.asking import BadRequest
from avance.apps.retail.kinds import TYPES
from avance.errors import InvalidRequest

Channel = Literal["email", "sms", "push", "websocket"]
Type = Literal["inventory", "sales", "alerts", "system"]
Clock = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
SWITCHABLE = ("email", "sms", "push", "websocket")

FILTERS = {"all": Priority.LOW, "high": Priority.HIGH, "critical": Priority.CRITICAL}
FREQUENCIES = {
    "instant": Frequency.INSTANT,
    "digest_daily": Frequency.DAILY,
    "digest_weekly": Frequency.WEEKLY,
}


class Fields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What may be written; what is left out stays as it is. The flags at the end are another way to say `channels` and `types`.
    """

    channels: list[Channel] | None = None
    types: list[Type] | None = None
    priority_filter: Literal["all", "high", "critical"] | None = None
    quiet_hours_enabled: bool | None = None
    quiet_hours_start: Clock | None = None
    quiet_hours_end: Clock | None = None
    time_zone: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    frequency: Literal["instant", "digest_daily", "digest_weekly"] | None = None
    email: Annotated[str, msgspec.Meta(max_length=254)] | None = None
    phone: Annotated[str, msgspec.Meta(max_length=16)] | None = None
    email_enabled: bool | None = None
    sms_enabled: bool | None = None
    push_enabled: bool | None = None
    stock_alerts: bool | None = None
    order_alerts: bool | None = None
    system_alerts: bool | None = None


FLAGS_OF_CHANNELS = {"email_enabled": "email", "sms_enabled": "sms", "push_enabled": "push"}
FLAGS_OF_TYPES = {
    "stock_alerts": "inventory",
    "order_alerts": "sales",
    "system_alerts": "system",
}
READ_ONLY = frozenset({"user_id"})


def read_fields(given: Mapping[str, Any]) -> Fields:
    """
    Raises:
        BadRequest: A key is not on the list, or a value does not fit.
    """
    try:
        return msgspec.convert(
            {name: value for name, value in given.items() if name not in READ_ONLY}, Fields
        )
    except msgspec.ValidationError as error:
        raise BadRequest(
            f"the preferences do not fit: {error}", code="invalid_preferences"
        ) from error


def shown(host: Avance, preferences: Preferences) -> dict[str, object]:
    """
    The object of the contract.
    """
    quiet = preferences.quiet_hours
    on = [name for name in SWITCHABLE if preferences.channels.get(name, True)]
    return {
        "channels": on,
        "types": [name for name in TYPES if name not in preferences.muted],
        "priority_filter": _word_of(FILTERS, preferences.min_priority),
        "quiet_hours_enabled": quiet.is_on,
        "quiet_hours_start": quiet.start,
        "quiet_hours_end": quiet.end,
        "time_zone": preferences.time_zone,
        "frequency": _word_of(FREQUENCIES, preferences.frequency),
        "email": preferences.addresses.email,
        "phone": preferences.addresses.phone,
    }


def merged(host: Avance, present: Preferences, fields: Fields) -> Preferences:
    """
    The preferences after a change.

    Raises:
        BadRequest: A value is of the right form and yet none, such as an unknown time zone.
    """
    quiet = present.quiet_hours
    try:
        return replace(
            present,
            channels=_channels(present, fields),
            muted=_muted(present, fields),
            min_priority=_or(fields.priority_filter, FILTERS.get, present.min_priority),
            frequency=_or(fields.frequency, FREQUENCIES.get, present.frequency),
            time_zone=fields.time_zone or present.time_zone,
            quiet_hours=QuietHours(
                is_on=quiet.is_on
                if fields.quiet_hours_enabled is None
                else fields.quiet_hours_enabled,
                start=fields.quiet_hours_start or quiet.start,
                end=fields.quiet_hours_end or quiet.end,
            ),
            addresses=_addresses(present, fields),
        )
    except (InvalidRequest, msgspec.ValidationError) as error:
        raise BadRequest(
            f"the preferences do not fit: {error}", code="invalid_preferences"
        ) from error


def _channels(present: Preferences, fields: Fields) -> dict[str, bool]:
    channels = dict(present.channels)
    if fields.channels is not None:
        channels.update({name: name in fields.channels for name in SWITCHABLE})
    for flag, name in FLAGS_OF_CHANNELS.items():
        value = getattr(fields, flag)
        if value is not None:
            channels[name] = value
    return channels


def _muted(present: Preferences, fields: Fields) -> tuple[str, ...]:
    muted = set(present.muted)
    if fields.types is not None:
        muted = (muted - set(TYPES)) | (set(TYPES) - set(fields.types))
    for flag, name in FLAGS_OF_TYPES.items():
        value = getattr(fields, flag)
        if value is not None:
            muted = muted - {name} if value else muted | {name}
    return tuple(sorted(muted))


def _addresses(present: Preferences, fields: Fields) -> Addresses:
    # Through the decoder, which checks the form; an empty text takes an address away.
    addresses = {
        "email": present.addresses.email if fields.email is None else fields.email or None,
        "phone": present.addresses.phone if fields.phone is None else fields.phone or None,
    }
    return msgspec.convert(addresses, Addresses)


def _or(word: str | None, find: Callable[[str], Any], present: Any) -> Any:
    return present if word is None else find(word)


def _word_of(words: Mapping[str, Any], value: object) -> str:
    # A finer choice made elsewhere is shown as the nearest that this dialect has.
    return next((word for word, one in words.items() if one == value), next(iter(words)))
