"""
A small real inventory, and the notifications that it raises.
"""

from avance import App
from avance.apps.retail.settings import RetailSettings

app = App(
    "retail",
    routers=[
        "avance.apps.retail.http:router",
    ],
    sockets={"/ws/notifications": "avance.apps.retail.dialect:speak"},
    settings=RetailSettings,
    runs=["avance.apps.retail.kinds:declared"],
    public_paths=["/static/js/*", "/retail", "/retail/*"],
    body_bytes_max={"/api/retail/import": 5_242_880},
    extra="notices",
)
