"""
The app itself, apart from its tasks so that these can be declared on it.
"""

from avance import App
from avance.apps.routes.settings import RoutesSettings

app = App(
    "routes",
    extra="routes",
    needs=["numpy", "scipy", "highspy", "openpyxl", "rapidfuzz", "reportlab", "httpx2"],
    routers=[
        "avance.apps.routes.http:router",
        "avance.apps.routes.http_files:router",
        "avance.apps.routes.http_plans:router",
    ],
    settings=RoutesSettings,
    body_bytes_max={
        "/optimize-async": 20 * 2**20,
        "/routes/": 20 * 2**20,
        "/validate-schedule": 20 * 2**20,
    },
    sockets={"/ws/optimize/{job_id}": "avance.apps.routes.dialect:speak"},
)
