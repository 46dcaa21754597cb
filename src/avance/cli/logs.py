import logging

from avance.config import Settings
from avance.edge.http.redact import RedactingFilter


def set_up_logs(settings: Settings) -> None:
    """
    One line for each record on standard error, without credentials.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(RedactingFilter())
    logging.basicConfig(level=settings.log_level.value.upper(), handlers=[handler], force=True)
    # Its own lines about starting and stopping say the same as ours.
    is_debug = settings.log_level.value == "debug"
    logging.getLogger("uvicorn.error").setLevel(logging.DEBUG if is_debug else logging.WARNING)
    # A line for each request to a server beside us says nothing; whoever asks says what goes wrong.
    logging.getLogger("httpx2").setLevel(logging.DEBUG if is_debug else logging.WARNING)
