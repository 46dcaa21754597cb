"""
The app itself, apart from its tasks so that these can be declared on it.
"""

from avance import App
from avance.apps.routes.settings import RoutesSettings

NO_SOCKETS = "avance.apps.routes.http_no_sockets:router"


class RoutesApp(App):
    """
    Without sockets where the settings say so (`WEBSOCKET_ENABLED`); they are read when somebody serves it.
    """

    @property
    def sockets(self) -> dict[str, str]:
        return self._sockets if self._has_sockets else {}

    @sockets.setter
    def sockets(self, sockets: dict[str, str]) -> None:
        self._sockets = sockets

    @property
    def routers(self) -> tuple[str, ...]:
        return self._routers if self._has_sockets else (*self._routers, NO_SOCKETS)

    @routers.setter
    def routers(self, routers: tuple[str, ...]) -> None:
        self._routers = routers

    @property
    def _has_sockets(self) -> bool:
        return self._host is None or self._host.settings.section(RoutesSettings).websocket_enabled


app = RoutesApp(
    "routes",
    extra="routes",
    needs=["numpy", "scipy", "highspy", "openpyxl", "rapidfuzz", "reportlab", "httpx2"],
    routers=[
        "avance.apps.routes.http:router",
        "avance.apps.routes.http_files:router",
        "avance.apps.routes.http_plans:router",
        "avance.apps.routes.http_connections:router",
        "avance.apps.routes.http_live:router",
    ],
    settings=RoutesSettings,
    body_bytes_max={
        "/optimize-async": 20 * 2**20,
        "/routes/": 20 * 2**20,
        "/validate-schedule": 20 * 2**20,
    },
    runs=["avance.apps.routes.mirror:told"],
    sockets={"/ws/optimize/{job_id}": "avance.apps.routes.dialect:speak"},
)
