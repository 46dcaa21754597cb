CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- `low` is the first offset that may still be kept, `last_id` the event at the top. Epochs are derived from meta.secret and the name
-- (epoch.py).
CREATE TABLE channels (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    top INTEGER NOT NULL,
    low INTEGER NOT NULL DEFAULT 1,
    last_id INTEGER NOT NULL
);

-- A log in the order of commits, so that a transaction that writes to a hundred channels dirties a few pages, not a hundred: it costs a
-- tenth of a table ordered by channel. `before_id` chains the events of a channel; every 64th is indexed, as an entry into the chain.
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    before_id INTEGER NOT NULL,
    ts INTEGER NOT NULL,
    ages INTEGER NOT NULL,
    conflate TEXT,
    data BLOB NOT NULL
);
CREATE INDEX events_milestones ON events (channel_id, offset) WHERE offset % 64 = 0;
-- Events of a job go with their job, all others by their age.
CREATE INDEX events_ageing ON events (ts) WHERE ages = 1;

-- `doc` and `inline_result` (JSON that is never looked into) are the whole record; the other columns are what is searched for.
CREATE TABLE jobs (
    pk INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    seq INTEGER NOT NULL,
    percent REAL,
    state TEXT NOT NULL,
    is_active INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    queued_ms INTEGER,
    due_ms INTEGER,
    expires_ms INTEGER,
    ended_ms INTEGER,
    created_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    runner TEXT NOT NULL,
    title TEXT,
    owner TEXT,
    tenant TEXT,
    parent_id TEXT,
    weight REAL NOT NULL,
    unique_key TEXT,
    limit_key TEXT,
    limit_max INTEGER NOT NULL,
    has_log INTEGER NOT NULL DEFAULT 1,
    doc BLOB NOT NULL,
    inline_result BLOB
);

CREATE INDEX jobs_newest ON jobs (created_ms, id);
CREATE INDEX jobs_owner ON jobs (owner, created_ms, id) WHERE owner IS NOT NULL;
CREATE INDEX jobs_parent ON jobs (parent_id) WHERE parent_id IS NOT NULL;
CREATE UNIQUE INDEX jobs_unique ON jobs (unique_key) WHERE unique_key IS NOT NULL AND is_active = 1;
-- Covers what a claim looks at, so that jobs that wait for their limit are passed over without reading them.
CREATE INDEX jobs_queued ON jobs (runner, priority DESC, queued_ms, pk, kind, limit_key, limit_max, expires_ms, state)
    WHERE state = 'queued';
CREATE INDEX jobs_due ON jobs (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX jobs_expiring ON jobs (expires_ms) WHERE expires_ms IS NOT NULL AND is_active = 1;
CREATE INDEX jobs_ended ON jobs (has_log, ended_ms) WHERE ended_ms IS NOT NULL;

CREATE TABLE tags (
    tag TEXT NOT NULL,
    job_pk INTEGER NOT NULL,
    PRIMARY KEY (tag, job_pk)
) WITHOUT ROWID;
CREATE INDEX tags_job ON tags (job_pk);

CREATE TABLE inputs (
    job_pk INTEGER PRIMARY KEY,
    data BLOB NOT NULL
);

CREATE TABLE results (
    job_pk INTEGER PRIMARY KEY,
    data BLOB NOT NULL
);

-- A row for every attempt that a worker runs; without `lease_until_ms` until its worker first renews it.
CREATE TABLE runs (
    job_pk INTEGER PRIMARY KEY,
    attempt INTEGER NOT NULL,
    worker TEXT NOT NULL,
    limit_key TEXT,
    lease_until_ms INTEGER
);
CREATE INDEX runs_worker ON runs (worker);
CREATE INDEX runs_limit ON runs (limit_key) WHERE limit_key IS NOT NULL;
CREATE INDEX runs_lease ON runs (lease_until_ms) WHERE lease_until_ms IS NOT NULL;

-- Submits written in a caller's own transaction; the queue makes jobs of them.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job BLOB NOT NULL,
    input BLOB NOT NULL
);

-- Processes that have this file open.
CREATE TABLE nodes (
    node TEXT PRIMARY KEY,
    opened_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- What processes that share this file tell each other.
CREATE TABLE letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sender TEXT NOT NULL,
    kind TEXT NOT NULL,
    node TEXT,
    subject TEXT NOT NULL,
    body BLOB NOT NULL
);

CREATE TABLE revocations (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) WITHOUT ROWID;
CREATE INDEX revocations_until ON revocations (until_ms);
