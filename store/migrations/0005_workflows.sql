-- Several agents on one stream. `shape`: the steps of the version that it was started under; `asked`:
-- what the caller said; `steps`: how far each has come. Its executions have its stream's id.

CREATE TABLE workflow_state (
    workflow_id TEXT PRIMARY KEY REFERENCES streams (stream_id) ON DELETE CASCADE,
    owner       TEXT NOT NULL,
    workflow    TEXT NOT NULL,
    version     INTEGER NOT NULL,
    lead_id     TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN
                    ('pending', 'running', 'completed', 'failed', 'stopped')),
    shape       TEXT NOT NULL,
    asked       TEXT NOT NULL,
    steps       TEXT NOT NULL,
    error       TEXT,
    metadata    TEXT,
    recoveries  INTEGER NOT NULL DEFAULT 0,
    key         TEXT,
    fingerprint TEXT,
    created_at  TEXT NOT NULL,
    ended_at    TEXT,
    UNIQUE (owner, key)
);
CREATE INDEX open_workflows ON workflow_state (created_at, workflow_id)
    WHERE status IN ('pending', 'running');
CREATE INDEX workflows_by_lead ON workflow_state (owner, lead_id, created_at);
