-- Another person's approval for a full record or the export of many (R19), and whose record was shown to whom.
CREATE TABLE approval (
    id BLOB PRIMARY KEY,
    person_id BLOB REFERENCES person (id),        -- whose full record it opens, or
    org_id BLOB REFERENCES institution (id),      -- the list of which institution
    purpose TEXT NOT NULL,
    asked_by BLOB NOT NULL REFERENCES person (id),
    asked_through BLOB NOT NULL REFERENCES client (id), -- nobody decides it through the same
    asked_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'refused')),
    decided_by BLOB REFERENCES person (id),
    decided_at INTEGER,
    expires_at INTEGER NOT NULL,                     -- until when it may be decided, or used
    version INTEGER NOT NULL,
    CHECK ((person_id IS NULL) <> (org_id IS NULL))
) STRICT;
CREATE INDEX approval_waiting_idx ON approval (id) WHERE state = 'pending';
CREATE INDEX approval_asked_idx ON approval (asked_by, id);

CREATE TABLE disclosure (                       -- an audit entry that showed a person's record to somebody
    person_id BLOB NOT NULL REFERENCES person (id),
    entry_id BLOB NOT NULL,                     -- no reference: each entry that ends would look for who needs it
    at INTEGER NOT NULL,
    PRIMARY KEY (person_id, entry_id)
) STRICT;
CREATE INDEX disclosure_at_idx ON disclosure (at);

CREATE TABLE lookup_count (                     -- exact questions about people have a daily budget for each administrator (R1)
    admin_id BLOB NOT NULL REFERENCES person (id),
    day TEXT NOT NULL,                          -- Asia/Shanghai
    asked INTEGER NOT NULL,
    PRIMARY KEY (admin_id, day)
) STRICT;

CREATE TABLE api_request (                      -- what a request with an Idempotency-Key was answered, for a day
    person_id BLOB NOT NULL REFERENCES person (id),
    key_digest BLOB NOT NULL,                    -- of the client and what it called the request
    request_digest BLOB NOT NULL,                -- keyed
    begun_at INTEGER NOT NULL,
    status INTEGER,                               -- none while it is at work
    answer_sealed TEXT,
    PRIMARY KEY (person_id, key_digest)
) STRICT;
