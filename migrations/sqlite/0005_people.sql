-- The register over a whole life: what only a human can settle, names that were borne before, and two records that
-- turn out to be one person.
CREATE TABLE conflict_case (           -- 争议: people by id; a number by its keyed index, never in clear
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('same_document', 'same_details', 'correction', 'personal_code')),
    facts_key BLOB NOT NULL,          -- the same facts open one case, once
    person_id BLOB NOT NULL REFERENCES person (id),   -- who holds what is in dispute
    other_id BLOB REFERENCES person (id),             -- the second record, where there is one
    subject_key BLOB,                 -- keyed index of the number or 学籍号 in dispute
    claimed_org_id BLOB REFERENCES institution (id),  -- whose row or order said otherwise
    org_id BLOB REFERENCES institution (id),          -- who may decide: covers all sides; none: the operator alone
    source TEXT NOT NULL CHECK (source IN ('roster', 'registration', 'correction', 'search')),
    opened_by BLOB REFERENCES person (id),            -- none: the operator
    evidence_sealed BLOB,             -- what was said, sealed with the salt of person_id
    state TEXT NOT NULL CHECK (state IN ('open', 'decided')),
    decision TEXT CHECK (decision IN ('same_person', 'typing_error', 'two_people')),
    reason TEXT,
    decided_by BLOB REFERENCES person (id),           -- none: the operator
    created_at INTEGER NOT NULL,
    decided_at INTEGER,
    version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX conflict_case_facts_key_key ON conflict_case (facts_key);
CREATE INDEX conflict_case_open_idx ON conflict_case (created_at, id) WHERE state = 'open';
CREATE INDEX conflict_case_org_idx ON conflict_case (org_id);
CREATE INDEX conflict_case_person_idx ON conflict_case (person_id);
CREATE INDEX conflict_case_other_idx ON conflict_case (other_id);

CREATE TABLE person_name (             -- 曾用名: found by name search wherever the person is
    id BLOB PRIMARY KEY,
    person_id BLOB NOT NULL REFERENCES person (id),
    name TEXT,                         -- none after erasure
    name_key TEXT COLLATE BINARY,
    ended_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX person_name_person_idx ON person_name (person_id);

CREATE TABLE person_merge (            -- two records became one person; undone within a time that is a setting
    id BLOB PRIMARY KEY,
    survivor_id BLOB NOT NULL REFERENCES person (id),
    absorbed_id BLOB NOT NULL REFERENCES person (id),
    case_id BLOB REFERENCES conflict_case (id),
    absorbed_status TEXT NOT NULL,     -- what the absorbed record was before
    state TEXT NOT NULL CHECK (state IN ('done', 'undone')),
    reason TEXT NOT NULL,
    merged_by BLOB REFERENCES person (id),            -- none: the operator
    merged_at INTEGER NOT NULL,
    undo_until INTEGER NOT NULL,
    undone_by BLOB REFERENCES person (id),
    undone_at INTEGER,
    version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX person_merge_absorbed_id_key ON person_merge (absorbed_id) WHERE state = 'done';
CREATE INDEX person_merge_survivor_idx ON person_merge (survivor_id);

CREATE TABLE person_merge_row (        -- what went over to the survivor, so that it can go back
    merge_id BLOB NOT NULL REFERENCES person_merge (id),
    place TEXT NOT NULL,               -- table.column
    row_id BLOB NOT NULL,
    PRIMARY KEY (merge_id, place, row_id)
) STRICT;

CREATE TABLE person_merge_change (     -- what had to be settled because one person cannot have both
    merge_id BLOB NOT NULL REFERENCES person_merge (id),
    place TEXT NOT NULL,               -- table.column
    row_id BLOB NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    PRIMARY KEY (merge_id, place, row_id)
) STRICT;

-- Whoever decided about a record before it was absorbed writes nothing to it afterwards: the transaction ends, and
-- decides anew with the survivor. Here the one writer reads and writes in one transaction anyway; tables that others refer to have
-- no trigger, because SQLite would then plan a look into each of those at every insert.
CREATE TRIGGER identity_document_person_id_stands BEFORE INSERT ON identity_document WHEN (SELECT merged_into FROM person WHERE id = NEW.person_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
CREATE TRIGGER personal_code_person_id_stands BEFORE INSERT ON personal_code WHEN (SELECT merged_into FROM person WHERE id = NEW.person_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
CREATE TRIGGER contact_person_id_stands BEFORE INSERT ON contact WHEN (SELECT merged_into FROM person WHERE id = NEW.person_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
CREATE TRIGGER enrolment_person_id_stands BEFORE INSERT ON enrolment WHEN (SELECT merged_into FROM person WHERE id = NEW.person_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
CREATE TRIGGER staffing_person_id_stands BEFORE INSERT ON staffing WHEN (SELECT merged_into FROM person WHERE id = NEW.person_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
CREATE TRIGGER guardianship_child_id_stands BEFORE INSERT ON guardianship WHEN (SELECT merged_into FROM person WHERE id = NEW.child_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
CREATE TRIGGER guardianship_guardian_id_stands BEFORE INSERT ON guardianship WHEN (SELECT merged_into FROM person WHERE id = NEW.guardian_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
CREATE TRIGGER admin_grant_person_id_stands BEFORE INSERT ON admin_grant WHEN (SELECT merged_into FROM person WHERE id = NEW.person_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
CREATE TRIGGER sign_in_person_id_stands BEFORE INSERT ON sign_in WHEN (SELECT merged_into FROM person WHERE id = NEW.person_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
CREATE TRIGGER subject_person_id_stands BEFORE INSERT ON subject WHEN (SELECT merged_into FROM person WHERE id = NEW.person_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
CREATE TRIGGER consent_person_id_stands BEFORE INSERT ON consent WHEN (SELECT merged_into FROM person WHERE id = NEW.person_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
CREATE TRIGGER consent_given_by_stands BEFORE INSERT ON consent WHEN (SELECT merged_into FROM person WHERE id = NEW.given_by) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
CREATE TRIGGER oidc_grant_person_id_stands BEFORE INSERT ON oidc_grant WHEN (SELECT merged_into FROM person WHERE id = NEW.person_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
CREATE TRIGGER relation_claim_person_id_stands BEFORE INSERT ON relation_claim WHEN (SELECT merged_into FROM person WHERE id = NEW.person_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
CREATE TRIGGER relation_claim_child_id_stands BEFORE INSERT ON relation_claim WHEN (SELECT merged_into FROM person WHERE id = NEW.child_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
CREATE TRIGGER person_name_person_id_stands BEFORE INSERT ON person_name WHEN (SELECT merged_into FROM person WHERE id = NEW.person_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the person was merged'); END;
CREATE INDEX consent_given_by_idx ON consent (given_by);
CREATE INDEX contact_person_idx ON contact (person_id);
