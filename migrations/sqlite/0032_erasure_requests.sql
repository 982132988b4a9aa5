-- Erasure on request (R18): what went at once, what waits until the law lets it go, and who may still take it back.
CREATE TABLE erasure_request (
    id BLOB PRIMARY KEY,
    person_id BLOB NOT NULL REFERENCES person (id),
    asked_by BLOB NOT NULL REFERENCES person (id), -- herself, or a guardian
    asked_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'withdrawn', 'done')),
    ended_at INTEGER,
    code_digest BLOB,                            -- of what lets whoever has no account any more look and take it back
    version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX erasure_request_person_id_key ON erasure_request (person_id) WHERE state = 'waiting';
CREATE UNIQUE INDEX erasure_request_code_digest_key ON erasure_request (code_digest) WHERE code_digest IS NOT NULL;
CREATE INDEX erasure_request_waiting_idx ON erasure_request (id) WHERE state = 'waiting';
