CREATE TABLE documents_collections (
    -- Never given twice: work that began for a removed collection must not end in another.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    tenant TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL,
    -- What is asked; a rebuilt collection grows beside it under the next number.
    generation INTEGER NOT NULL DEFAULT 1,
    is_shared INTEGER NOT NULL DEFAULT 0,
    embedding_model TEXT,
    dimensions INTEGER,
    hybrid_weight REAL NOT NULL DEFAULT 0.3,
    created_ms INTEGER NOT NULL,
    UNIQUE (tenant, owner, name)
);
CREATE TABLE documents_files (
    id TEXT PRIMARY KEY,
    collection_id INTEGER NOT NULL REFERENCES documents_collections (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    job_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    owner TEXT NOT NULL,
    filename TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    file_size INTEGER NOT NULL,
    blob_key TEXT,
    pages INTEGER NOT NULL DEFAULT 0,
    chunks INTEGER NOT NULL DEFAULT 0,
    language TEXT,
    title TEXT,
    author TEXT,
    dated TEXT,
    keywords TEXT NOT NULL DEFAULT '[]',
    metadata TEXT NOT NULL DEFAULT '{}',
    -- Nobody sees a document before its last transaction, in which it becomes ready as a whole.
    is_ready INTEGER NOT NULL DEFAULT 0,
    uploaded_ms INTEGER NOT NULL
);
CREATE UNIQUE INDEX documents_files_once ON documents_files (collection_id, generation, content_hash) WHERE is_ready = 1;
CREATE UNIQUE INDEX documents_files_of_job ON documents_files (job_id, position);
CREATE INDEX documents_files_newest ON documents_files (owner, uploaded_ms DESC, id DESC) WHERE is_ready = 1;
CREATE TABLE documents_chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file_id TEXT NOT NULL REFERENCES documents_files (id) ON DELETE CASCADE,
    chunk_index INTEGER NOT NULL,
    text TEXT NOT NULL,
    page INTEGER NOT NULL,
    start_char INTEGER NOT NULL,
    end_char INTEGER NOT NULL,
    details TEXT NOT NULL DEFAULT '{}',
    vector BLOB,
    UNIQUE (file_id, chunk_index)
);
-- The words of a chunk by their stems, accents folded; its rowid is the id of the chunk.
CREATE VIRTUAL TABLE documents_words USING fts5 (stems, tokenize = "unicode61 remove_diacritics 2");
CREATE TRIGGER documents_chunks_gone AFTER DELETE ON documents_chunks BEGIN
    DELETE FROM documents_words WHERE rowid = old.id;
END;
