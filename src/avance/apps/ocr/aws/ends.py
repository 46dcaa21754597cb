"""
The services, where the settings say that they are.
"""

from typing import Any

import boto3

from avance.apps.ocr.aws.settings import AwsSettings


def dynamodb(settings: AwsSettings) -> Any:
    return boto3.resource(
        "dynamodb", region_name=settings.region, endpoint_url=settings.aws_endpoint
    )


def s3(settings: AwsSettings) -> Any:
    return boto3.client("s3", region_name=settings.region, endpoint_url=settings.aws_endpoint)
