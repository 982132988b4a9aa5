-- Real-name verification by services outside: what waits for an answer, and what counts no longer.
ALTER TABLE verification ADD COLUMN superseded_at INTEGER;   -- what was compared has changed since

CREATE TABLE verification_request (   -- 核验请求: names nobody's number; what is compared is read when the service is called
    id BLOB PRIMARY KEY,              -- the service sees it, so that a call that is repeated is known again
    person_id BLOB NOT NULL REFERENCES person (id),
    service TEXT NOT NULL,
    method TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'matched', 'refused', 'failed')),
    fault TEXT,                       -- why the last call brought nothing
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    requested_by BLOB REFERENCES person (id),         -- none: the operator, or the register itself
    created_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX verification_request_person_id_service_key ON verification_request (person_id, service) WHERE state = 'waiting';
CREATE INDEX verification_request_due_idx ON verification_request (service, next_at) WHERE state = 'waiting';
CREATE INDEX verification_request_person_idx ON verification_request (person_id);
CREATE INDEX verification_request_open_idx ON verification_request (created_at, id) WHERE state IN ('waiting', 'failed');
CREATE TRIGGER verification_request_person_id_stands BEFORE INSERT ON verification_request WHEN (SELECT merged_into FROM person WHERE id = NEW.person_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
