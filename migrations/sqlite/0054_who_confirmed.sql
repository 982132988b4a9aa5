-- Who made a guardianship one that counts, in whose name and when; none: nobody did yet, or it was before this was kept.
ALTER TABLE guardianship ADD COLUMN confirmed_by TEXT CHECK (confirmed_by IN ('administrator', 'operator', 'import'));
ALTER TABLE guardianship ADD COLUMN confirmed_person_id BLOB REFERENCES person (id);
ALTER TABLE guardianship ADD COLUMN confirmed_org_id BLOB REFERENCES institution (id);
ALTER TABLE guardianship ADD COLUMN confirmed_at INTEGER;
ALTER TABLE guardianship_slice ADD COLUMN confirmed_by TEXT;
ALTER TABLE guardianship_slice ADD COLUMN confirmed_person_id BLOB REFERENCES person (id);
ALTER TABLE guardianship_slice ADD COLUMN confirmed_org_id BLOB REFERENCES institution (id);
ALTER TABLE guardianship_slice ADD COLUMN confirmed_at INTEGER;
