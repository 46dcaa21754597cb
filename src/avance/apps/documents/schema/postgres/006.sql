-- Uploads that go straight into a bucket: what the bucket calls them.
ALTER TABLE documents_arrivals ADD COLUMN multipart_id TEXT;
