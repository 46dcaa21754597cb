CREATE TABLE documents_collections (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner TEXT NOT NULL,
    tenant TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL,
    -- What is asked; a rebuilt collection grows beside it under the next number.
    generation BIGINT NOT NULL DEFAULT 1,
    is_shared INTEGER NOT NULL DEFAULT 0,
    embedding_model TEXT,
    dimensions BIGINT,
    hybrid_weight DOUBLE PRECISION NOT NULL DEFAULT 0.3,
    created_ms BIGINT NOT NULL,
    UNIQUE (tenant, owner, name)
);
CREATE TABLE documents_files (
    id TEXT PRIMARY KEY,
    collection_id BIGINT NOT NULL REFERENCES documents_collections (id) ON DELETE CASCADE,
    generation BIGINT NOT NULL,
    job_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    owner TEXT NOT NULL,
    filename TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    file_size BIGINT NOT NULL,
    blob_key TEXT,
    pages BIGINT NOT NULL DEFAULT 0,
    chunks BIGINT NOT NULL DEFAULT 0,
    language TEXT,
    title TEXT,
    author TEXT,
    dated TEXT,
    keywords TEXT NOT NULL DEFAULT '[]',
    metadata TEXT NOT NULL DEFAULT '{}',
    -- Nobody sees a document before its last transaction, in which it becomes ready as a whole.
    is_ready INTEGER NOT NULL DEFAULT 0,
    uploaded_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX documents_files_once ON documents_files (collection_id, generation, content_hash) WHERE is_ready = 1;
CREATE UNIQUE INDEX documents_files_of_job ON documents_files (job_id, position);
CREATE INDEX documents_files_newest ON documents_files (owner, uploaded_ms DESC, id DESC) WHERE is_ready = 1;
CREATE TABLE documents_chunks (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file_id TEXT NOT NULL REFERENCES documents_files (id) ON DELETE CASCADE,
    chunk_index BIGINT NOT NULL,
    text TEXT NOT NULL,
    page BIGINT NOT NULL,
    start_char BIGINT NOT NULL,
    end_char BIGINT NOT NULL,
    details TEXT NOT NULL DEFAULT '{}',
    vector BYTEA,
    -- The words of the chunk by their stems, accents folded.
    stems TSVECTOR,
    UNIQUE (file_id, chunk_index)
);
CREATE INDEX documents_words ON documents_chunks USING gin (stems);
