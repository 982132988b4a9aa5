-- What an institution says of somebody it does not hold (R1), and how often an administrator asked about such people.
CREATE TABLE relation_claim (         -- 待确认的关系: the claimant's own row, and nothing that others recorded
    id UUID PRIMARY KEY,
    org_id UUID NOT NULL REFERENCES institution (id),
    kind TEXT NOT NULL CHECK (kind IN ('student', 'staff', 'guardian')),
    person_id UUID NOT NULL REFERENCES person (id),   -- who holds the number
    child_id UUID NOT NULL REFERENCES person (id),    -- of a guardian; otherwise the person herself
    class_id UUID REFERENCES class (id),
    subject_key BYTEA NOT NULL,       -- the number or 学籍号 that named her: one person may be named by either
    document_index BYTEA,              -- under which the claimant's next row finds its own words again
    code_index BYTEA,
    name TEXT,                        -- as the claimant wrote it; none after erasure
    name_key TEXT COLLATE "C",
    differs BOOLEAN NOT NULL,         -- the name or the 学籍号 is not the holder's
    details JSONB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'confirmed', 'rejected', 'withdrawn')),
    claimed_by UUID REFERENCES person (id),           -- none: the operator
    created_at BIGINT NOT NULL,
    decided_at BIGINT,
    decided_by UUID REFERENCES person (id),
    reason TEXT,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX relation_claim_org_id_kind_person_id_child_id_subject_key_key
    ON relation_claim (org_id, kind, person_id, child_id, subject_key) WHERE state IN ('pending', 'rejected');
CREATE INDEX relation_claim_pending_idx ON relation_claim (created_at, id) WHERE state = 'pending';
CREATE INDEX relation_claim_person_idx ON relation_claim (person_id);
CREATE INDEX relation_claim_child_idx ON relation_claim (child_id);
CREATE INDEX relation_claim_document_idx ON relation_claim (document_index);
CREATE INDEX relation_claim_code_idx ON relation_claim (code_index);

CREATE TABLE probe_count (            -- exact-match questions have a daily budget for each administrator (R1)
    admin_id UUID NOT NULL REFERENCES person (id),
    day TEXT NOT NULL,                -- Asia/Shanghai
    asked BIGINT NOT NULL,
    PRIMARY KEY (admin_id, day)
);

