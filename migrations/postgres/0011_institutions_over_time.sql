-- Institutions over time: how each was, and what becomes of one in steps, so that a kill loses nothing.
CREATE TABLE institution_slice (       -- the row of the institution says how it is, these how it was
    org_id UUID NOT NULL REFERENCES institution (id),
    parent_id UUID REFERENCES institution (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    division TEXT NOT NULL,
    school_type TEXT,
    status TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL,            -- first day on which it was no longer so
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, valid_from)
);

CREATE TABLE institution_change (      -- moved, merged, split, closed; one at a time for each institution
    id UUID PRIMARY KEY,
    org_id UUID NOT NULL REFERENCES institution (id),
    kind TEXT NOT NULL CHECK (kind IN ('moved', 'merged', 'split', 'closed')),
    into_id UUID REFERENCES institution (id),         -- the new parent, the survivor, the new school, the successor
    day TEXT NOT NULL,                 -- Asia/Shanghai: the first day on which it is so
    state TEXT NOT NULL CHECK (state IN ('running', 'done')),
    started_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE UNIQUE INDEX institution_change_org_id_key ON institution_change (org_id) WHERE state = 'running';
CREATE INDEX institution_change_org_idx ON institution_change (org_id);
CREATE INDEX institution_change_into_idx ON institution_change (into_id);

-- The class in which the people of this one go on at another institution.
ALTER TABLE class ADD COLUMN successor_id UUID REFERENCES class (id);
CREATE INDEX class_successor_idx ON class (successor_id) WHERE successor_id IS NOT NULL;
CREATE INDEX admin_grant_org_idx ON admin_grant (org_id) WHERE revoked_at IS NULL;

-- Nobody begins where nothing is any more: whoever decided before the end decides anew. A transaction that writes about
-- thousands holds their institutions at once, and says so together with the people (mingji.people_held).
CREATE FUNCTION org_id_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    state TEXT;
BEGIN
    SELECT status INTO state FROM institution WHERE id = NEW.org_id FOR KEY SHARE;
    IF state IN ('abolished', 'merged') THEN
        RAISE EXCEPTION 'the institution is closed' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER enrolment_org_id_stands BEFORE INSERT ON enrolment FOR EACH ROW WHEN (NEW.valid_to IS NULL AND current_setting('mingji.people_held', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION org_id_stands();
CREATE TRIGGER staffing_org_id_stands BEFORE INSERT ON staffing FOR EACH ROW WHEN (NEW.valid_to IS NULL AND current_setting('mingji.people_held', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION org_id_stands();
