CREATE TABLE ocr_requests (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    tenant TEXT NOT NULL,
    owner_user_name TEXT NOT NULL,
    url_response TEXT,
    -- The token itself is in the callback URL alone.
    token_sha256 TEXT NOT NULL,
    created_ms INTEGER NOT NULL
);
CREATE TABLE ocr_documents (
    id TEXT PRIMARY KEY,
    request_id TEXT NOT NULL REFERENCES ocr_requests (id),
    owner TEXT NOT NULL,
    tenant TEXT NOT NULL,
    status TEXT NOT NULL,
    -- Grows with every change, so that a reader of a list knows which events it has seen.
    version INTEGER NOT NULL DEFAULT 1,
    engine TEXT NOT NULL,
    job_id TEXT,
    blob_key TEXT,
    is_test INTEGER NOT NULL DEFAULT 0,
    body TEXT NOT NULL,
    expected TEXT NOT NULL DEFAULT '{}',
    final_sha256 TEXT,
    created_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    deadline_ms INTEGER NOT NULL
);
CREATE INDEX ocr_documents_of ON ocr_documents (tenant, owner, created_ms DESC, id DESC);
CREATE INDEX ocr_documents_status ON ocr_documents (tenant, status, created_ms DESC, id DESC);
CREATE INDEX ocr_documents_open ON ocr_documents (deadline_ms) WHERE ended_ms IS NULL;
CREATE TABLE ocr_pages (
    document_id TEXT NOT NULL REFERENCES ocr_documents (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (document_id, number)
);
CREATE TABLE ocr_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id TEXT NOT NULL REFERENCES ocr_documents (id) ON DELETE CASCADE,
    at_ms INTEGER NOT NULL,
    author TEXT NOT NULL,
    what TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL
);
CREATE INDEX ocr_history_of ON ocr_history (document_id, id);
CREATE TABLE ocr_keys (name TEXT PRIMARY KEY, value TEXT NOT NULL);
