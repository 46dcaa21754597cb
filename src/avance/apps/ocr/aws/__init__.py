"""
The same socket behind API Gateway: three functions, a table of connections, documents in DynamoDB, files in S3.
"""
