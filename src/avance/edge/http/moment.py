from datetime import UTC, datetime

from avance.errors import InvalidRequest


def read_moment(text: str, parameter: str) -> int:
    """
    Milliseconds of an RFC 3339 moment.

    Raises:
        InvalidRequest: It is not one, or has no offset from UTC.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("it has no offset")
        return round(moment.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(
            f"{parameter} is {text!r}; it must be a moment with its offset, such as 2026-01-01T08:00:00Z",
            parameter=parameter,
        ) from error
