import sys
from pathlib import Path

# The helpers of this folder are modules of their own: --import-mode=importlib makes no package of it.
sys.path.insert(0, str(Path(__file__).parent))
