-- Real-name verification by services outside: what waits for an answer, and what counts no longer.
ALTER TABLE verification ADD COLUMN superseded_at BIGINT;   -- what was compared has changed since

CREATE TABLE verification_request (   -- 核验请求: names nobody's number; what is compared is read when the service is called
    id UUID PRIMARY KEY,              -- the service sees it, so that a call that is repeated is known again
    person_id UUID NOT NULL REFERENCES person (id),
    service TEXT NOT NULL,
    method TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'matched', 'refused', 'failed')),
    fault TEXT,                       -- why the last call brought nothing
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    requested_by UUID REFERENCES person (id),         -- none: the operator, or the register itself
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE UNIQUE INDEX verification_request_person_id_service_key ON verification_request (person_id, service) WHERE state = 'waiting';
CREATE INDEX verification_request_due_idx ON verification_request (service, next_at) WHERE state = 'waiting';
CREATE INDEX verification_request_person_idx ON verification_request (person_id);
CREATE INDEX verification_request_open_idx ON verification_request (created_at, id) WHERE state IN ('waiting', 'failed');
CREATE TRIGGER verification_request_person_id_stands BEFORE INSERT ON verification_request FOR EACH ROW EXECUTE FUNCTION person_id_stands();
