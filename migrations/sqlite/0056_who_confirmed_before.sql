-- What somebody decided by a claim of the school that recorded it, while it stood, is known; in whose name she did was not kept. Of all others
-- nothing is said rather than a guess. Apart from what changes the table: rows are held, and nobody who reads waits.
UPDATE guardianship SET confirmed_by = 'administrator',
    confirmed_person_id = (SELECT r.decided_by FROM relation_claim r
        WHERE r.kind = 'guardian' AND r.state = 'confirmed' AND r.person_id = guardianship.guardian_id AND r.child_id = guardianship.child_id AND r.org_id = guardianship.recorded_org_id
            AND r.decided_by IS NOT NULL AND r.decided_at BETWEEN guardianship.created_at AND guardianship.updated_at ORDER BY r.decided_at DESC, r.id LIMIT 1),
    confirmed_at = (SELECT r.decided_at FROM relation_claim r
        WHERE r.kind = 'guardian' AND r.state = 'confirmed' AND r.person_id = guardianship.guardian_id AND r.child_id = guardianship.child_id AND r.org_id = guardianship.recorded_org_id
            AND r.decided_by IS NOT NULL AND r.decided_at BETWEEN guardianship.created_at AND guardianship.updated_at ORDER BY r.decided_at DESC, r.id LIMIT 1)
    WHERE confirmed_by IS NULL AND status IN ('confirmed', 'ended') AND EXISTS (SELECT r.id FROM relation_claim r
        WHERE r.kind = 'guardian' AND r.state = 'confirmed' AND r.person_id = guardianship.guardian_id AND r.child_id = guardianship.child_id AND r.org_id = guardianship.recorded_org_id
            AND r.decided_by IS NOT NULL AND r.decided_at BETWEEN guardianship.created_at AND guardianship.updated_at);
