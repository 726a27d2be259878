-- What agents have found out, to be asked for beside the executions that found it.

CREATE TABLE qualification_results (
    execution_id    TEXT PRIMARY KEY REFERENCES agent_executions (execution_id),
    lead_id         TEXT,
    score           INTEGER NOT NULL,
    score_max       INTEGER NOT NULL,
    coverage        INTEGER NOT NULL,
    tier            TEXT NOT NULL CHECK (tier IN
                        ('hot', 'warm', 'cold', 'insufficient_data', 'disqualified')),
    components      TEXT NOT NULL,
    reasoning       TEXT NOT NULL,
    result          TEXT NOT NULL,
    created_at      TEXT NOT NULL
);
CREATE INDEX qualifications_by_lead ON qualification_results (lead_id, created_at);

-- The results of the agents that have no table of their own.
CREATE TABLE agent_results (
    execution_id    TEXT PRIMARY KEY REFERENCES agent_executions (execution_id),
    agent_type      TEXT NOT NULL,
    lead_id         TEXT,
    result          TEXT NOT NULL,
    created_at      TEXT NOT NULL
);
CREATE INDEX results_by_lead ON agent_results (lead_id, agent_type, created_at);

-- Every version of the seller's profile; without a row it is the one that came with Leadstream.
CREATE TABLE seller_profiles (
    version     INTEGER PRIMARY KEY,
    profile     TEXT NOT NULL,
    created_at  TEXT NOT NULL
);
