-- What sources have answered, by what they were asked: paid for once, and used until it is too old.
-- An `answer` of NULL is awaited under its `callback_id`; an empty one is a miss.
CREATE TABLE enrichment_cache (
    owner           TEXT NOT NULL,
    source          TEXT NOT NULL,
    key             TEXT NOT NULL,
    answer          TEXT,
    callback_id     TEXT UNIQUE,
    credits         INTEGER NOT NULL,
    execution_id    TEXT NOT NULL,
    expires_at      TEXT NOT NULL,
    PRIMARY KEY (owner, source, key)
);
CREATE INDEX cached_by_execution ON enrichment_cache (execution_id);

-- What an enrichment has come to. `awaited` is the id of a callback that it waits for; what has come
-- after its end stands in `late`, as the stream had ended without it.
CREATE TABLE enrichment_results (
    execution_id    TEXT PRIMARY KEY REFERENCES agent_executions (execution_id),
    lead_id         TEXT,
    status          TEXT NOT NULL CHECK (status IN
                        ('complete', 'partial', 'no_match', 'pending', 'not_configured')),
    fields          TEXT NOT NULL,
    credits_spent   INTEGER NOT NULL,
    awaited         TEXT,
    late            TEXT,
    result          TEXT NOT NULL,
    created_at      TEXT NOT NULL
);
CREATE INDEX enrichments_by_lead ON enrichment_results (lead_id, created_at);
CREATE INDEX enrichments_awaited ON enrichment_results (awaited) WHERE awaited IS NOT NULL;
