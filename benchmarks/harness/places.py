"""
Where things are.
"""

from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent.parent
REPOSITORY = BENCHMARKS.parent
CACHE = REPOSITORY / ".cache" / "benchmarks"
BIN = CACHE / "bin"
LOGS = CACHE / "logs"
DATA = CACHE / "data"
PEERS = BENCHMARKS / "peers"
PEERS_VENV = CACHE / "venv"
PEERS_NODE = CACHE / "node"
RESULTS = BENCHMARKS / "results"
