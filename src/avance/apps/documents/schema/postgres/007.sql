-- The job that fetches files of a repository into the batch, until how it ended is known; then why it failed, if it did.
ALTER TABLE documents_batches ADD COLUMN import_job_id TEXT;
ALTER TABLE documents_batches ADD COLUMN import_error TEXT;
