-- Who may come in, and to whom everything belongs. `owner` is '' where no key was configured.

CREATE TABLE api_keys (
    key_id      TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    prefix      TEXT NOT NULL,
    digest      TEXT NOT NULL UNIQUE,
    owner       TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    revoked_at  TEXT
);

-- What signs read URLs; every signature names the secret that made it.
CREATE TABLE signing_secrets (
    secret_id   TEXT PRIMARY KEY,
    secret      BLOB NOT NULL,
    created_at  TEXT NOT NULL
);
INSERT INTO signing_secrets VALUES
    (lower(hex(randomblob(4))), randomblob(32), strftime('%Y-%m-%dT%H:%M:%S+00:00'));

ALTER TABLE streams ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE agent_executions ADD COLUMN owner TEXT NOT NULL DEFAULT '';
DROP INDEX executions_by_time;
CREATE INDEX executions_by_time ON agent_executions (owner, created_at, execution_id);

-- Two owners may use the same ids and the same Idempotency-Keys, and never learn of it.
CREATE TABLE leads_of_owners (
    owner       TEXT NOT NULL DEFAULT '',
    lead_id     TEXT NOT NULL,
    email       TEXT,
    lead        TEXT NOT NULL,
    search      TEXT NOT NULL DEFAULT '',
    created_at  TEXT NOT NULL,
    updated_at  TEXT NOT NULL,
    PRIMARY KEY (owner, lead_id)
);
INSERT INTO leads_of_owners (lead_id, email, lead, search, created_at, updated_at)
    SELECT lead_id, email, lead, search, created_at, updated_at FROM leads;
DROP TABLE leads;
ALTER TABLE leads_of_owners RENAME TO leads;
CREATE INDEX leads_by_email ON leads (owner, email);
CREATE INDEX leads_by_time ON leads (owner, created_at, lead_id);

CREATE TABLE idempotency_keys_of_owners (
    owner           TEXT NOT NULL DEFAULT '',
    key             TEXT NOT NULL,
    fingerprint     TEXT NOT NULL,
    execution_id    TEXT NOT NULL REFERENCES agent_executions (execution_id),
    created_at      TEXT NOT NULL,
    PRIMARY KEY (owner, key)
);
INSERT INTO idempotency_keys_of_owners (key, fingerprint, execution_id, created_at)
    SELECT key, fingerprint, execution_id, created_at FROM idempotency_keys;
DROP TABLE idempotency_keys;
ALTER TABLE idempotency_keys_of_owners RENAME TO idempotency_keys;

CREATE TABLE seller_profiles_of_owners (
    owner       TEXT NOT NULL DEFAULT '',
    version     INTEGER NOT NULL,
    profile     TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    PRIMARY KEY (owner, version)
);
INSERT INTO seller_profiles_of_owners (version, profile, created_at)
    SELECT version, profile, created_at FROM seller_profiles;
DROP TABLE seller_profiles;
ALTER TABLE seller_profiles_of_owners RENAME TO seller_profiles;
