CREATE TABLE notices (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL,
    tenant TEXT,
    kind TEXT NOT NULL,
    priority INTEGER NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    data TEXT NOT NULL,
    url TEXT,
    actions TEXT NOT NULL,
    group_key TEXT,
    dedupe_key TEXT,
    job_id TEXT,
    channels TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    seen_ms INTEGER,
    read_ms INTEGER,
    archived_ms INTEGER,
    snoozed_ms INTEGER,
    expires_ms INTEGER
);
CREATE INDEX notices_of_user ON notices (user_id, id);
CREATE INDEX notices_unread ON notices (user_id, id)
    WHERE read_ms IS NULL AND archived_ms IS NULL AND snoozed_ms IS NULL;
CREATE INDEX notices_unseen ON notices (user_id, id)
    WHERE seen_ms IS NULL AND archived_ms IS NULL AND snoozed_ms IS NULL;
CREATE INDEX notices_dedupe ON notices (user_id, dedupe_key) WHERE dedupe_key IS NOT NULL;
CREATE INDEX notices_snoozed ON notices (snoozed_ms) WHERE snoozed_ms IS NOT NULL;
CREATE INDEX notices_expiring ON notices (expires_ms) WHERE expires_ms IS NOT NULL;
CREATE INDEX notices_created ON notices (created_ms);

CREATE TABLE notice_counts (
    user_id TEXT PRIMARY KEY,
    unread INTEGER NOT NULL,
    unseen INTEGER NOT NULL,
    unread_low INTEGER NOT NULL,
    unread_normal INTEGER NOT NULL,
    unread_high INTEGER NOT NULL,
    unread_critical INTEGER NOT NULL,
    version INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE notice_deliveries (
    notice_id INTEGER NOT NULL,
    channel TEXT NOT NULL,
    user_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    attempts INTEGER NOT NULL,
    last_error TEXT,
    batch TEXT,
    due_ms INTEGER,
    lease_by TEXT,
    lease_ms INTEGER,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    PRIMARY KEY (notice_id, channel)
) WITHOUT ROWID;
CREATE INDEX notice_deliveries_due ON notice_deliveries (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX notice_deliveries_open ON notice_deliveries (user_id, notice_id)
    WHERE channel = 'in_app' AND state IN ('queued', 'sent');
CREATE INDEX notice_deliveries_recent ON notice_deliveries (user_id, channel, kind, created_ms)
    WHERE channel <> 'in_app';

CREATE TABLE notice_keys (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    notice_id INTEGER,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;
CREATE INDEX notice_keys_created ON notice_keys (created_ms);

CREATE TABLE notice_preferences (
    user_id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    changed_ms INTEGER NOT NULL
);

CREATE TABLE push_subscriptions (
    endpoint TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    document TEXT NOT NULL,
    created_ms INTEGER NOT NULL
);
CREATE INDEX push_subscriptions_of_user ON push_subscriptions (user_id);
