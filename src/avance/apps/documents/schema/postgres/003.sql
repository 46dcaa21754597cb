-- Many files that somebody watches as one.
CREATE TABLE documents_batches (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    tenant TEXT,
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    collection TEXT NOT NULL,
    -- The parent of the jobs that read its files; another one after that has ended.
    job_id TEXT,
    created_ms BIGINT NOT NULL
);
CREATE INDEX documents_batches_of ON documents_batches (owner, created_ms DESC, id DESC);
CREATE TABLE documents_batch_files (
    id TEXT PRIMARY KEY,
    batch_id TEXT NOT NULL REFERENCES documents_batches (id) ON DELETE CASCADE,
    job_id TEXT,
    filename TEXT NOT NULL,
    source_type TEXT NOT NULL DEFAULT 'upload',
    file_size BIGINT NOT NULL,
    mime_type TEXT NOT NULL DEFAULT 'application/octet-stream',
    status TEXT NOT NULL DEFAULT 'pending',
    chunk_count BIGINT NOT NULL DEFAULT 0,
    error_message TEXT,
    created_ms BIGINT NOT NULL,
    processed_ms BIGINT
);
CREATE INDEX documents_batch_files_of ON documents_batch_files (batch_id, created_ms, id);
CREATE INDEX documents_batch_files_of_job ON documents_batch_files (job_id);
