-- The register over a whole life: what only a human can settle, names that were borne before, and two records that
-- turn out to be one person.
CREATE TABLE conflict_case (           -- 争议: people by id; a number by its keyed index, never in clear
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('same_document', 'same_details', 'correction', 'personal_code')),
    facts_key BYTEA NOT NULL,          -- the same facts open one case, once
    person_id UUID NOT NULL REFERENCES person (id),   -- who holds what is in dispute
    other_id UUID REFERENCES person (id),             -- the second record, where there is one
    subject_key BYTEA,                 -- keyed index of the number or 学籍号 in dispute
    claimed_org_id UUID REFERENCES institution (id),  -- whose row or order said otherwise
    org_id UUID REFERENCES institution (id),          -- who may decide: covers all sides; none: the operator alone
    source TEXT NOT NULL CHECK (source IN ('roster', 'registration', 'correction', 'search')),
    opened_by UUID REFERENCES person (id),            -- none: the operator
    evidence_sealed BYTEA,             -- what was said, sealed with the salt of person_id
    state TEXT NOT NULL CHECK (state IN ('open', 'decided')),
    decision TEXT CHECK (decision IN ('same_person', 'typing_error', 'two_people')),
    reason TEXT,
    decided_by UUID REFERENCES person (id),           -- none: the operator
    created_at BIGINT NOT NULL,
    decided_at BIGINT,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX conflict_case_facts_key_key ON conflict_case (facts_key);
CREATE INDEX conflict_case_open_idx ON conflict_case (created_at, id) WHERE state = 'open';
CREATE INDEX conflict_case_org_idx ON conflict_case (org_id);
CREATE INDEX conflict_case_person_idx ON conflict_case (person_id);
CREATE INDEX conflict_case_other_idx ON conflict_case (other_id);

CREATE TABLE person_name (             -- 曾用名: found by name search wherever the person is
    id UUID PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES person (id),
    name TEXT,                         -- none after erasure
    name_key TEXT COLLATE "C",
    ended_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX person_name_person_idx ON person_name (person_id);

CREATE TABLE person_merge (            -- two records became one person; undone within a time that is a setting
    id UUID PRIMARY KEY,
    survivor_id UUID NOT NULL REFERENCES person (id),
    absorbed_id UUID NOT NULL REFERENCES person (id),
    case_id UUID REFERENCES conflict_case (id),
    absorbed_status TEXT NOT NULL,     -- what the absorbed record was before
    state TEXT NOT NULL CHECK (state IN ('done', 'undone')),
    reason TEXT NOT NULL,
    merged_by UUID REFERENCES person (id),            -- none: the operator
    merged_at BIGINT NOT NULL,
    undo_until BIGINT NOT NULL,
    undone_by UUID REFERENCES person (id),
    undone_at BIGINT,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX person_merge_absorbed_id_key ON person_merge (absorbed_id) WHERE state = 'done';
CREATE INDEX person_merge_survivor_idx ON person_merge (survivor_id);

CREATE TABLE person_merge_row (        -- what went over to the survivor, so that it can go back
    merge_id UUID NOT NULL REFERENCES person_merge (id),
    place TEXT NOT NULL,               -- table.column
    row_id UUID NOT NULL,
    PRIMARY KEY (merge_id, place, row_id)
);

CREATE TABLE person_merge_change (     -- what had to be settled because one person cannot have both
    merge_id UUID NOT NULL REFERENCES person_merge (id),
    place TEXT NOT NULL,               -- table.column
    row_id UUID NOT NULL,
    before JSONB NOT NULL,
    after JSONB NOT NULL,
    PRIMARY KEY (merge_id, place, row_id)
);

-- Whoever decided about a record before it was absorbed writes nothing to it afterwards: the transaction ends, and
-- decides anew with the survivor.
-- A transaction that writes about thousands holds them all at once and says so (mingji.people_held).
CREATE FUNCTION refuse_merged(who UUID) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    survivor UUID;
BEGIN
    SELECT merged_into INTO survivor FROM person WHERE id = who FOR KEY SHARE;
    IF survivor IS NOT NULL THEN
        RAISE EXCEPTION 'the person was merged' USING ERRCODE = 'serialization_failure';
    END IF;
END $$;
CREATE FUNCTION person_id_stands() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM refuse_merged(NEW.person_id); RETURN NEW; END $$;
CREATE FUNCTION child_id_stands() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM refuse_merged(NEW.child_id); RETURN NEW; END $$;
CREATE FUNCTION guardian_id_stands() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM refuse_merged(NEW.guardian_id); RETURN NEW; END $$;
CREATE FUNCTION given_by_stands() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM refuse_merged(NEW.given_by); RETURN NEW; END $$;
CREATE TRIGGER verification_person_id_stands BEFORE INSERT ON verification FOR EACH ROW EXECUTE FUNCTION person_id_stands();
CREATE TRIGGER identity_document_person_id_stands BEFORE INSERT ON identity_document FOR EACH ROW WHEN (current_setting('mingji.people_held', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION person_id_stands();
CREATE TRIGGER personal_code_person_id_stands BEFORE INSERT ON personal_code FOR EACH ROW WHEN (current_setting('mingji.people_held', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION person_id_stands();
CREATE TRIGGER contact_person_id_stands BEFORE INSERT ON contact FOR EACH ROW WHEN (current_setting('mingji.people_held', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION person_id_stands();
CREATE TRIGGER enrolment_person_id_stands BEFORE INSERT ON enrolment FOR EACH ROW WHEN (current_setting('mingji.people_held', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION person_id_stands();
CREATE TRIGGER staffing_person_id_stands BEFORE INSERT ON staffing FOR EACH ROW WHEN (current_setting('mingji.people_held', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION person_id_stands();
CREATE TRIGGER guardianship_child_id_stands BEFORE INSERT ON guardianship FOR EACH ROW WHEN (current_setting('mingji.people_held', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION child_id_stands();
CREATE TRIGGER guardianship_guardian_id_stands BEFORE INSERT ON guardianship FOR EACH ROW WHEN (current_setting('mingji.people_held', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION guardian_id_stands();
CREATE TRIGGER admin_grant_person_id_stands BEFORE INSERT ON admin_grant FOR EACH ROW EXECUTE FUNCTION person_id_stands();
CREATE TRIGGER account_person_id_stands BEFORE INSERT ON account FOR EACH ROW WHEN (current_setting('mingji.people_held', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION person_id_stands();
CREATE TRIGGER session_person_id_stands BEFORE INSERT ON session FOR EACH ROW EXECUTE FUNCTION person_id_stands();
CREATE TRIGGER sign_in_person_id_stands BEFORE INSERT ON sign_in FOR EACH ROW EXECUTE FUNCTION person_id_stands();
CREATE TRIGGER subject_person_id_stands BEFORE INSERT ON subject FOR EACH ROW EXECUTE FUNCTION person_id_stands();
CREATE TRIGGER consent_person_id_stands BEFORE INSERT ON consent FOR EACH ROW EXECUTE FUNCTION person_id_stands();
CREATE TRIGGER consent_given_by_stands BEFORE INSERT ON consent FOR EACH ROW EXECUTE FUNCTION given_by_stands();
CREATE TRIGGER oidc_grant_person_id_stands BEFORE INSERT ON oidc_grant FOR EACH ROW EXECUTE FUNCTION person_id_stands();
CREATE TRIGGER relation_claim_person_id_stands BEFORE INSERT ON relation_claim FOR EACH ROW WHEN (current_setting('mingji.people_held', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION person_id_stands();
CREATE TRIGGER relation_claim_child_id_stands BEFORE INSERT ON relation_claim FOR EACH ROW WHEN (current_setting('mingji.people_held', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION child_id_stands();
CREATE TRIGGER person_name_person_id_stands BEFORE INSERT ON person_name FOR EACH ROW EXECUTE FUNCTION person_id_stands();
CREATE INDEX consent_given_by_idx ON consent (given_by);
CREATE INDEX contact_person_idx ON contact (person_id);
