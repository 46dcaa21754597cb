import sys

from avance.client import Client
from avance.errors import TaskFailed


def run(url: str) -> None:
    with Client(url) as client:
        job = client.submit("add", a=2, b=3)
        client.show(job)
        try:
            print(client.result(job))
        except TaskFailed as error:
            print(error)


def steps(url: str, job_id: str) -> None:
    with Client(url) as client:
        for change in client.watch(job_id):
            print(change.type, change.job.progress.percent, file=sys.stderr)


if __name__ == "__main__":
    run(sys.argv[1])
