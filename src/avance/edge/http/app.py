"""
The HTTP side as one ASGI app.
"""

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount

from avance.edge.http import docs, problem
from avance.edge.http.authenticate import Authentication, PublicPaths
from avance.edge.http.cross_origin import CrossOrigin
from avance.edge.http.guard import Guard
from avance.edge.http.health import HealthRoutes
from avance.edge.http.jobs import JobRoutes, StartLimits
from avance.edge.http.openapi import described_in, kinds_of, write_openapi
from avance.edge.http.operations import OperationRoutes
from avance.edge.http.services import HttpServices
from avance.edge.http.table import RouteTable
from avance.edge.http.tokens import TokenRoutes

PUBLIC_PATHS = ("/health", "/ready", "/console/*", *docs.PUBLIC_PATHS)


def http_app(services: HttpServices) -> FastAPI:
    """
    Everything that avance serves over HTTP, sockets included.
    """
    app = FastAPI(
        title=docs.TITLE,
        version=services.version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    problem.install(app)
    starts = StartLimits(services)
    jobs = JobRoutes(services, starts)
    # For the server, which asks for it before it waits for requests under way.
    app.state.stop_waiting = jobs.stop_waiting
    app.state.starts = starts
    parts = (jobs, TokenRoutes(services, starts), HealthRoutes(services), OperationRoutes(services))
    routers = (*(part.router() for part in parts), *services.routers)
    described = [route for router in routers for route in described_in(router)]
    # Of a router with routes as FastAPI knows them, all go its way.
    for router in routers:
        if router.routes and not described_in(router):
            app.include_router(router)
    document = write_openapi(
        [*described, *app.routes],
        title=docs.TITLE,
        version=services.version,
        description=docs.DESCRIPTION,
        kinds=kinds_of(described),
    )
    app.openapi = document  # type: ignore[method-assign]
    # Sockets before mounts: a mount at `/` would take every path.
    app.router.routes.extend(
        [
            RouteTable(described),
            *docs.document_routes(services, document),
            *services.socket_routes,
            *services.mounts,
        ]
    )
    _add_middleware(app, services)
    return app


def routes(services: HttpServices, prefix: str = "/avance") -> Sequence[BaseRoute]:
    """
    The same for the route table of somebody else's FastAPI or Starlette app: `app.router.routes.extend(routes(services))`.
    """
    return [Mount(prefix, app=http_app(services), name="avance")]


def _add_middleware(app: FastAPI, services: HttpServices) -> None:
    # The last one added is the outermost: CORS, then the guard, then who is calling.
    app.add_middleware(
        Authentication,
        auth=services.auth,
        clock=services.clock,
        limits=services.limits,
        public=PublicPaths((*PUBLIC_PATHS, *services.public_paths), services.socket_routes),
    )
    app.add_middleware(
        Guard,
        origins=services.origins,
        clock=services.clock,
        metrics=services.metrics,
        body_bytes_max=services.limits.body_bytes_max,
        body_bytes_max_by_prefix=services.body_bytes_max,
    )
    app.add_middleware(CrossOrigin, rules=services.origins, routers=services.routers)
