-- Who was erased and must not come back: keyed hashes of addresses, and the key, which never leaves.

CREATE TABLE suppressed (
    email_hash  TEXT PRIMARY KEY,
    created_at  TEXT NOT NULL
);
CREATE TABLE suppression_secret (secret BLOB NOT NULL);
INSERT INTO suppression_secret VALUES (randomblob(32));

CREATE INDEX messages_by_execution ON conversation_messages (execution_id);

-- With the order of the rows in it: else the one by time is taken, and every lead of an owner is read.
DROP INDEX leads_by_email;
CREATE INDEX leads_by_email ON leads (owner, email, created_at, lead_id);
