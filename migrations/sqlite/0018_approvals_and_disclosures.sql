-- Another person's approval for a full record or the export of many (R19), and whose record was shown to whom.
CREATE TABLE approval (
    id BLOB PRIMARY KEY,
    person_id BLOB REFERENCES person (id),        -- whose full record it opens, or
    org_id BLOB REFERENCES institution (id),      -- the list of which institution
    purpose TEXT NOT NULL,
    asked_by BLOB NOT NULL REFERENCES person (id),
    asked_through BLOB NOT NULL REFERENCES client (id), -- nobody decides it through the same
    request_key BLOB,                          -- digest of the Idempotency-Key that it was asked with
    asked_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'refused')),
    decided_by BLOB REFERENCES person (id),
    decided_at INTEGER,
    expires_at INTEGER NOT NULL,                     -- until when it may be decided, or used
    version INTEGER NOT NULL,
    CHECK ((person_id IS NULL) <> (org_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX approval_asked_by_request_key_key ON approval (asked_by, request_key);
CREATE INDEX approval_waiting_idx ON approval (id) WHERE state = 'pending';
CREATE INDEX approval_asked_idx ON approval (asked_by, id);

CREATE TABLE disclosure (                       -- an audit entry that showed a person's record to somebody
    person_id BLOB NOT NULL REFERENCES person (id),
    entry_id BLOB NOT NULL REFERENCES audit_entry (id),
    at INTEGER NOT NULL,
    PRIMARY KEY (person_id, entry_id)
) STRICT;

CREATE TABLE lookup_count (                     -- exact questions about people have a daily budget for each administrator (R1)
    admin_id BLOB NOT NULL REFERENCES person (id),
    day TEXT NOT NULL,                          -- Asia/Shanghai
    asked INTEGER NOT NULL,
    PRIMARY KEY (admin_id, day)
) STRICT;
