-- Erasure on request (R18): what went at once, what waits until the law lets it go, and who may still take it back.
CREATE TABLE erasure_request (
    id UUID PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES person (id),
    asked_by UUID NOT NULL REFERENCES person (id), -- herself, or a guardian
    asked_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'withdrawn', 'done')),
    ended_at BIGINT,
    code_digest BYTEA,                            -- of what lets whoever has no account any more look and take it back
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX erasure_request_person_id_key ON erasure_request (person_id) WHERE state = 'waiting';
CREATE UNIQUE INDEX erasure_request_code_digest_key ON erasure_request (code_digest) WHERE code_digest IS NOT NULL;
CREATE INDEX erasure_request_waiting_idx ON erasure_request (id) WHERE state = 'waiting';
