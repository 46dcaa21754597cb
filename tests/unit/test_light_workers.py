"""
What a worker process is spared.
"""

import subprocess
import sys


def test_declaring_tasks_loads_no_web_framework_no_server_and_no_database() -> None:
    heavy = "{'numpy', 'httpx2', 'fastapi', 'starlette', 'uvicorn', 'sqlite3', 'jwt', 'prometheus_client'}"
    apps = "avance.apps.documents, avance.apps.ocr, avance.apps.retail, avance.apps.routes"
    program = f"import sys, avance, {apps}; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
