-- Files of jobs that failed. They stay for a while, because a failed job may be tried again.
CREATE TABLE documents_leftovers (
    blob_key TEXT PRIMARY KEY,
    since_ms BIGINT NOT NULL
);
