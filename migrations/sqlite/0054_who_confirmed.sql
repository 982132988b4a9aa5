-- Who made a guardianship one that counts, in whose name and when; none: nobody did yet, or it was before this was kept.
ALTER TABLE guardianship ADD COLUMN confirmed_by TEXT CHECK (confirmed_by IN ('administrator', 'operator', 'import'));
ALTER TABLE guardianship ADD COLUMN confirmed_person_id BLOB REFERENCES person (id);
ALTER TABLE guardianship ADD COLUMN confirmed_org_id BLOB REFERENCES institution (id);
ALTER TABLE guardianship ADD COLUMN confirmed_at INTEGER;
ALTER TABLE guardianship_slice ADD COLUMN confirmed_by TEXT;
ALTER TABLE guardianship_slice ADD COLUMN confirmed_person_id BLOB REFERENCES person (id);
ALTER TABLE guardianship_slice ADD COLUMN confirmed_org_id BLOB REFERENCES institution (id);
ALTER TABLE guardianship_slice ADD COLUMN confirmed_at INTEGER;

-- What somebody decided by a claim is known; in whose name she did was not kept.
UPDATE guardianship SET confirmed_by = 'administrator', confirmed_person_id = (SELECT r.decided_by FROM relation_claim r
        WHERE r.kind = 'guardian' AND r.state = 'confirmed' AND r.person_id = guardianship.guardian_id AND r.child_id = guardianship.child_id AND r.decided_by IS NOT NULL ORDER BY r.decided_at DESC, r.id LIMIT 1),
    confirmed_at = (SELECT r.decided_at FROM relation_claim r
        WHERE r.kind = 'guardian' AND r.state = 'confirmed' AND r.person_id = guardianship.guardian_id AND r.child_id = guardianship.child_id AND r.decided_by IS NOT NULL ORDER BY r.decided_at DESC, r.id LIMIT 1)
    WHERE status IN ('confirmed', 'ended') AND EXISTS (SELECT 1 FROM relation_claim r
        WHERE r.kind = 'guardian' AND r.state = 'confirmed' AND r.person_id = guardianship.guardian_id AND r.child_id = guardianship.child_id AND r.decided_by IS NOT NULL);
