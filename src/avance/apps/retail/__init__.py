"""
A small real inventory, and the notifications that it raises.
"""

from avance import App
from avance.apps.retail.settings import RetailSettings
from avance.storage import load_schema

app = App(
    "retail",
    routers=[
        "avance.apps.retail.http:router",
        "avance.apps.retail.inventory_http:router",
        "avance.apps.retail.pages:router",
    ],
    sockets={"/ws/notifications": "avance.apps.retail.dialect:speak"},
    schemas=[load_schema("retail", "avance.apps.retail")],
    settings=RetailSettings,
    runs=[
        "avance.apps.retail.kinds:declared",
        "avance.apps.retail.inventory:told",
        "avance.apps.retail.numbers:counted",
    ],
    public_paths=["/static/js/*", "/retail", "/retail/*"],
    body_bytes_max={"/api/retail/import": 5_242_880},
    extra="notices",
)
