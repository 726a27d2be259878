-- What streams have said of late, in the order in which it came: a commit that many streams share
-- writes to the end of one table, instead of to each stream's own page of an index. Every event
-- stands in one of the two; now and then the tail is gathered into `stream_events`.
CREATE TABLE stream_tail (
    id          INTEGER PRIMARY KEY,
    stream_id   TEXT NOT NULL,
    first_id    INTEGER NOT NULL,
    last_id     INTEGER NOT NULL,
    frames      BLOB NOT NULL
);

CREATE VIEW stream_log (stream_id, first_id, last_id, frames) AS
    SELECT stream_id, first_id, last_id, frames FROM stream_events
    UNION ALL
    SELECT stream_id, first_id, last_id, frames FROM stream_tail;
