-- Money is a decimal stored as text; times are UTC, ISO 8601; JSON columns hold what their name says.

CREATE TABLE leads (
    lead_id     TEXT PRIMARY KEY,
    email       TEXT,
    lead        TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    updated_at  TEXT NOT NULL
);
CREATE INDEX leads_by_email ON leads (email);

CREATE TABLE streams (
    stream_id   TEXT PRIMARY KEY,
    created_at  TEXT NOT NULL,
    ended_at    TEXT
);
CREATE INDEX streams_by_end ON streams (ended_at);

-- The log: one row for each stream and group, several events in it, the bytes as they were sent.
CREATE TABLE stream_events (
    stream_id   TEXT NOT NULL,
    first_id    INTEGER NOT NULL,
    last_id     INTEGER NOT NULL,
    frames      BLOB NOT NULL,
    PRIMARY KEY (stream_id, first_id)
);

CREATE TABLE agent_executions (
    execution_id    TEXT PRIMARY KEY,
    stream_id       TEXT NOT NULL REFERENCES streams (stream_id),
    agent_type      TEXT NOT NULL,
    lead_id         TEXT,
    status          TEXT NOT NULL CHECK (status IN
                        ('pending', 'running', 'success', 'failed', 'stopped')),
    input           TEXT NOT NULL,
    options         TEXT NOT NULL,
    text            TEXT,
    result          TEXT,
    error           TEXT,
    provider        TEXT,
    model           TEXT,
    input_tokens    INTEGER NOT NULL DEFAULT 0,
    output_tokens   INTEGER NOT NULL DEFAULT 0,
    total_cost_usd  TEXT,
    latency_ms      INTEGER,
    ttft_ms         INTEGER,
    attempts        TEXT NOT NULL DEFAULT '[]',
    metadata        TEXT,
    route           TEXT,
    recoveries      INTEGER NOT NULL DEFAULT 0,
    created_at      TEXT NOT NULL,
    ended_at        TEXT
);
CREATE INDEX open_executions ON agent_executions (created_at, execution_id)
    WHERE status IN ('pending', 'running');
CREATE INDEX executions_by_time ON agent_executions (created_at, execution_id);
CREATE INDEX executions_by_lead ON agent_executions (lead_id, created_at, execution_id);
CREATE INDEX executions_by_stream ON agent_executions (stream_id);

CREATE TABLE idempotency_keys (
    key             TEXT PRIMARY KEY,
    fingerprint     TEXT NOT NULL,
    execution_id    TEXT NOT NULL REFERENCES agent_executions (execution_id),
    created_at      TEXT NOT NULL
);

CREATE TABLE conversation_messages (
    conversation_id TEXT NOT NULL,
    execution_id    TEXT NOT NULL REFERENCES agent_executions (execution_id),
    role            TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    content         TEXT NOT NULL,
    created_at      TEXT NOT NULL,
    PRIMARY KEY (conversation_id, execution_id, role)
);
CREATE INDEX messages_by_time ON conversation_messages (conversation_id, created_at);

-- Breakers, gates and latency estimates: what the router has learnt survives a restart.
CREATE TABLE provider_state (
    name        TEXT PRIMARY KEY,
    state       TEXT NOT NULL,
    updated_at  TEXT NOT NULL
);
