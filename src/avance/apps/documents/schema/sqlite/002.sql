-- Uploads whose bytes have not all arrived. How many there are is the size of the file itself.
CREATE TABLE documents_arrivals (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    tenant TEXT,
    filename TEXT NOT NULL,
    collection TEXT NOT NULL,
    on_duplicate TEXT NOT NULL,
    size INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
);
CREATE INDEX documents_arrivals_of ON documents_arrivals (owner);
