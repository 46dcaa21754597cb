"""
The app that nodes on one database serve. Each job goes on by files, so that a test decides when.
"""

import time
from pathlib import Path

from avance import Avance, Job, Retry, Throttle

app = Avance()


@app.task(name="relay", progress=Throttle(hz=1_000), retry=Retry(max_attempts=1, lost_max=100))
def relay(directory: str, stations: int, job: Job) -> int:
    """
    Waits at each station for the file of its number.
    """
    for station in range(stations):
        while not Path(directory, str(station)).exists():
            job.checkpoint()
            time.sleep(0.002)
        job.log(f"station {station}")
        job.progress(current=station + 1, total=stations)
    return stations
