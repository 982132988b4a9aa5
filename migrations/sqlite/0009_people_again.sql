-- Whom an event is told to, and a number that was erased and comes again.
ALTER TABLE event ADD COLUMN sector TEXT;   -- told to the clients of this sector and to nobody else; none: to whoever may know of the aggregate

CREATE INDEX identity_document_erased_idx ON identity_document (class, country, number_index) WHERE status = 'erased';
CREATE INDEX personal_code_erased_idx ON personal_code (code_index) WHERE status = 'erased';
CREATE INDEX relation_claim_claimed_by_idx ON relation_claim (claimed_by) WHERE claimed_by IS NOT NULL;

-- One more kind of case. A CHECK is part of the table here, so the table and what refers to it are made anew.
CREATE TABLE conflict_case_again (
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('same_document', 'same_details', 'correction', 'personal_code', 'erased_number')),
    facts_key BLOB NOT NULL,
    person_id BLOB NOT NULL REFERENCES person (id),
    other_id BLOB REFERENCES person (id),
    subject_key BLOB,
    claimed_org_id BLOB REFERENCES institution (id),
    org_id BLOB REFERENCES institution (id),
    source TEXT NOT NULL CHECK (source IN ('roster', 'registration', 'correction', 'search')),
    opened_by BLOB REFERENCES person (id),
    evidence_sealed BLOB,
    state TEXT NOT NULL CHECK (state IN ('open', 'decided')),
    decision TEXT CHECK (decision IN ('same_person', 'typing_error', 'two_people')),
    reason TEXT,
    decided_by BLOB REFERENCES person (id),
    created_at INTEGER NOT NULL,
    decided_at INTEGER,
    version INTEGER NOT NULL
) STRICT;
CREATE TABLE person_merge_again (
    id BLOB PRIMARY KEY,
    survivor_id BLOB NOT NULL REFERENCES person (id),
    absorbed_id BLOB NOT NULL REFERENCES person (id),
    case_id BLOB REFERENCES conflict_case_again (id),
    absorbed_status TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('done', 'undone')),
    reason TEXT NOT NULL,
    merged_by BLOB REFERENCES person (id),
    merged_at INTEGER NOT NULL,
    undo_until INTEGER NOT NULL,
    undone_by BLOB REFERENCES person (id),
    undone_at INTEGER,
    version INTEGER NOT NULL
) STRICT;
CREATE TABLE person_merge_row_again (
    merge_id BLOB NOT NULL REFERENCES person_merge_again (id),
    place TEXT NOT NULL,
    row_id BLOB NOT NULL,
    PRIMARY KEY (merge_id, place, row_id)
) STRICT;
CREATE TABLE person_merge_change_again (
    merge_id BLOB NOT NULL REFERENCES person_merge_again (id),
    place TEXT NOT NULL,
    row_id BLOB NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    PRIMARY KEY (merge_id, place, row_id)
) STRICT;
INSERT INTO conflict_case_again SELECT id, kind, facts_key, person_id, other_id, subject_key, claimed_org_id, org_id, source, opened_by, evidence_sealed,
    state, decision, reason, decided_by, created_at, decided_at, version FROM conflict_case;
INSERT INTO person_merge_again SELECT id, survivor_id, absorbed_id, case_id, absorbed_status, state, reason, merged_by, merged_at, undo_until, undone_by,
    undone_at, version FROM person_merge;
INSERT INTO person_merge_row_again SELECT merge_id, place, row_id FROM person_merge_row;
INSERT INTO person_merge_change_again SELECT merge_id, place, row_id, before, after FROM person_merge_change;
DROP TABLE person_merge_change;
DROP TABLE person_merge_row;
DROP TABLE person_merge;
DROP TABLE conflict_case;
ALTER TABLE conflict_case_again RENAME TO conflict_case;
ALTER TABLE person_merge_again RENAME TO person_merge;
ALTER TABLE person_merge_row_again RENAME TO person_merge_row;
ALTER TABLE person_merge_change_again RENAME TO person_merge_change;
CREATE UNIQUE INDEX conflict_case_facts_key_key ON conflict_case (facts_key);
CREATE INDEX conflict_case_open_idx ON conflict_case (created_at, id) WHERE state = 'open';
CREATE INDEX conflict_case_org_idx ON conflict_case (org_id);
CREATE INDEX conflict_case_person_idx ON conflict_case (person_id);
CREATE INDEX conflict_case_other_idx ON conflict_case (other_id);
CREATE INDEX conflict_case_opened_by_idx ON conflict_case (opened_by) WHERE opened_by IS NOT NULL;
CREATE UNIQUE INDEX person_merge_absorbed_id_key ON person_merge (absorbed_id) WHERE state = 'done';
CREATE INDEX person_merge_survivor_idx ON person_merge (survivor_id);
