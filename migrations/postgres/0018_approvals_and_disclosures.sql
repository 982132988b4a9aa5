-- Another person's approval for a full record or the export of many (R19), and whose record was shown to whom.
CREATE TABLE approval (
    id UUID PRIMARY KEY,
    person_id UUID REFERENCES person (id),        -- whose full record it opens, or
    org_id UUID REFERENCES institution (id),      -- the list of which institution
    purpose TEXT NOT NULL,
    asked_by UUID NOT NULL REFERENCES person (id),
    asked_through UUID NOT NULL REFERENCES client (id), -- nobody decides it through the same
    asked_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'refused')),
    decided_by UUID REFERENCES person (id),
    decided_at BIGINT,
    expires_at BIGINT NOT NULL,                     -- until when it may be decided, or used
    version BIGINT NOT NULL,
    CHECK ((person_id IS NULL) <> (org_id IS NULL))
);
CREATE INDEX approval_waiting_idx ON approval (id) WHERE state = 'pending';
CREATE INDEX approval_asked_idx ON approval (asked_by, id);

CREATE TABLE disclosure (                       -- an audit entry that showed a person's record to somebody
    person_id UUID NOT NULL REFERENCES person (id),
    entry_id UUID NOT NULL,                     -- no reference: each entry that ends would look for who needs it
    at BIGINT NOT NULL,
    PRIMARY KEY (person_id, entry_id)
);
CREATE INDEX disclosure_at_idx ON disclosure (at);

CREATE TABLE lookup_count (                     -- exact questions about people have a daily budget for each administrator (R1)
    admin_id UUID NOT NULL REFERENCES person (id),
    day TEXT NOT NULL,                          -- Asia/Shanghai
    asked BIGINT NOT NULL,
    PRIMARY KEY (admin_id, day)
);

CREATE TABLE api_request (                      -- what a request with an Idempotency-Key was answered, for a day
    person_id UUID NOT NULL REFERENCES person (id),
    key_digest BYTEA NOT NULL,                    -- of the client and what it called the request
    request_digest BYTEA NOT NULL,                -- keyed
    begun_at BIGINT NOT NULL,
    status BIGINT,                               -- none while it is at work
    answer_sealed TEXT,
    PRIMARY KEY (person_id, key_digest)
);
