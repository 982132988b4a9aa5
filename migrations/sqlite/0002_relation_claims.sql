-- What an institution says of somebody it does not hold (R1), and how often an administrator asked about such people.
CREATE TABLE relation_claim (         -- 待确认的关系: the claimant's own row, and nothing that others recorded
    id BLOB PRIMARY KEY,
    org_id BLOB NOT NULL REFERENCES institution (id),
    kind TEXT NOT NULL CHECK (kind IN ('student', 'staff', 'guardian')),
    person_id BLOB NOT NULL REFERENCES person (id),   -- who holds the number
    child_id BLOB NOT NULL REFERENCES person (id),    -- of a guardian; otherwise the person herself
    class_id BLOB REFERENCES class (id),
    subject_key BLOB NOT NULL,       -- the number or 学籍号 that named her: one person may be named by either
    document_index BLOB,              -- under which the claimant's next row finds its own words again
    code_index BLOB,
    name TEXT,                        -- as the claimant wrote it; none after erasure
    name_key TEXT COLLATE BINARY,
    differs INTEGER NOT NULL CHECK (differs IN (0, 1)),  -- the name or the 学籍号 is not the holder's
    details TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'confirmed', 'rejected', 'withdrawn')),
    claimed_by BLOB REFERENCES person (id),           -- none: the operator
    created_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by BLOB REFERENCES person (id),
    reason TEXT,
    version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX relation_claim_org_id_kind_person_id_child_id_subject_key_key
    ON relation_claim (org_id, kind, person_id, child_id, subject_key) WHERE state IN ('pending', 'rejected');
CREATE INDEX relation_claim_pending_idx ON relation_claim (created_at, id) WHERE state = 'pending';
CREATE INDEX relation_claim_person_idx ON relation_claim (person_id);
CREATE INDEX relation_claim_child_idx ON relation_claim (child_id);
CREATE INDEX relation_claim_document_idx ON relation_claim (document_index);
CREATE INDEX relation_claim_code_idx ON relation_claim (code_index);

CREATE TABLE probe_count (            -- exact-match questions have a daily budget for each administrator (R1)
    admin_id BLOB NOT NULL REFERENCES person (id),
    day TEXT NOT NULL,                -- Asia/Shanghai
    asked INTEGER NOT NULL,
    PRIMARY KEY (admin_id, day)
) STRICT;

