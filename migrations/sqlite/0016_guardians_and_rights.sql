-- Guardianships over time, and who may give whom which right.
CREATE TABLE guardianship_slice (      -- the row of the guardianship says how it is, these how it was
    guardianship_id BLOB NOT NULL REFERENCES guardianship (id),
    relation TEXT NOT NULL,
    legal INTEGER NOT NULL CHECK (legal IN (0, 1)),
    rank INTEGER NOT NULL,
    status TEXT NOT NULL,
    restrictions TEXT NOT NULL,
    guardian_org_id BLOB REFERENCES institution (id),
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL,            -- first day on which it was no longer so
    created_at INTEGER NOT NULL,
    PRIMARY KEY (guardianship_id, valid_from)
) STRICT;

-- The institution that is the guardian, and for which the person acts (民法典 32).
ALTER TABLE guardianship ADD COLUMN guardian_org_id BLOB REFERENCES institution (id);
CREATE INDEX guardianship_guardian_org_idx ON guardianship (guardian_org_id) WHERE guardian_org_id IS NOT NULL;

-- Beside the one who runs the institution. Of several that were granted before, the first one runs it.
ALTER TABLE admin_grant ADD COLUMN deputy INTEGER NOT NULL DEFAULT 0 CHECK (deputy IN (0, 1));
UPDATE admin_grant SET deputy = 1 WHERE role = 'school_admin' AND revoked_at IS NULL
    AND EXISTS (SELECT 1 FROM admin_grant o WHERE o.role = 'school_admin' AND o.revoked_at IS NULL AND o.org_id = admin_grant.org_id AND o.id < admin_grant.id);
CREATE UNIQUE INDEX admin_grant_org_id_key ON admin_grant (org_id) WHERE role = 'school_admin' AND deputy = 0 AND revoked_at IS NULL;

-- What somebody holds or held, told and explained.
CREATE INDEX admin_grant_person_idx ON admin_grant (person_id);

-- A seat of 借读 that became the 学籍 was one of 借读 before. What was kept until now was all of one kind.
ALTER TABLE enrolment_slice ADD COLUMN source TEXT NOT NULL DEFAULT 'normal';
UPDATE enrolment_slice SET source = (SELECT e.source FROM enrolment e WHERE e.id = enrolment_slice.enrolment_id);
