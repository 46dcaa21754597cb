"""
Tables, a bucket and streams as the template declares them, in moto.
"""

from pathlib import Path
from typing import Any

import boto3
import yaml

from avance.apps.ocr.aws.settings import AwsSettings
from avance.testing.apigw import Stream

REGION = "us-east-1"
ROOT = Path(__file__).parents[3]
TEMPLATE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/aws/serverless.yml").read_text("utf-8"))


def made(aws: str, stage: str) -> AwsSettings:
    """
    The tables and the bucket of a stage, as the template declares them.
    """
    settings = AwsSettings(
        stage=stage,
        region=REGION,
        websocket_endpoint=aws,
        bucket=f"files-{stage}",
        aws_endpoint=aws,
    )
    client = boto3.client("dynamodb", region_name=REGION, endpoint_url=aws)
    for name in ("Connections", "Documents"):
        wanted = dict(TEMPLATE["resources"]["Resources"][name]["Properties"])
        wanted["TableName"] = wanted["TableName"].replace("${self:provider.stage}", stage)
        expiry = wanted.pop("TimeToLiveSpecification", None)
        wanted["StreamSpecification"] |= {"StreamEnabled": True}
        client.create_table(**wanted)
        if expiry:
            client.update_time_to_live(
                TableName=wanted["TableName"], TimeToLiveSpecification=expiry
            )
    boto3.client("s3", region_name=REGION, endpoint_url=aws).create_bucket(Bucket=settings.bucket)
    return settings


def stream_of(settings: AwsSettings, table: str, handler: Any, **more: Any) -> Stream:
    ends = {"region_name": REGION, "endpoint_url": settings.aws_endpoint}
    told = boto3.client("dynamodb", **ends).describe_table(TableName=table)["Table"]
    client = boto3.client("dynamodbstreams", **ends)
    return Stream(client, told["LatestStreamArn"], handler, **more)
