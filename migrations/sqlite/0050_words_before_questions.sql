-- A word in force goes before what its heir waits for, or was told no to: where the heir had asked the same, 0049 left the word behind,
-- and whom it named was seen by the heir while nobody was to look at it.
WITH RECURSIVE way (from_id, into_id) AS (
    SELECT org_id, into_id FROM institution_change WHERE kind <> 'moved' AND into_id IS NOT NULL
    UNION SELECT w.from_id, c.into_id FROM way w JOIN institution_change c ON c.org_id = w.into_id AND c.kind <> 'moved' AND c.into_id IS NOT NULL
)
UPDATE relation_claim AS o SET state = 'withdrawn', version = version + 1
    WHERE o.kind = 'guardian' AND o.state IN ('pending', 'rejected')
      AND EXISTS (SELECT 1 FROM relation_claim r JOIN way w ON w.from_id = r.org_id AND w.into_id = o.org_id
            JOIN guardianship g ON g.child_id = r.child_id AND g.guardian_id = r.person_id AND g.recorded_org_id = o.org_id AND g.status = 'confirmed'
            WHERE r.kind = o.kind AND r.person_id = o.person_id AND r.child_id = o.child_id AND r.subject_key = o.subject_key
              AND r.state = 'confirmed' AND r.claimed_by IS NOT NULL AND r.decided_by IS NULL AND r.decided_at = r.created_at);
WITH RECURSIVE way (from_id, into_id) AS (
    SELECT org_id, into_id FROM institution_change WHERE kind <> 'moved' AND into_id IS NOT NULL
    UNION SELECT w.from_id, c.into_id FROM way w JOIN institution_change c ON c.org_id = w.into_id AND c.kind <> 'moved' AND c.into_id IS NOT NULL
)
UPDATE relation_claim AS r SET version = version + 1, org_id = (
        SELECT g.recorded_org_id FROM guardianship g JOIN way w ON w.from_id = r.org_id AND w.into_id = g.recorded_org_id
        WHERE g.child_id = r.child_id AND g.guardian_id = r.person_id AND g.status IN ('pending', 'confirmed') LIMIT 1)
    WHERE r.kind = 'guardian' AND (r.state = 'pending' OR (r.state = 'confirmed' AND r.claimed_by IS NOT NULL AND r.decided_by IS NULL AND r.decided_at = r.created_at))
      AND EXISTS (SELECT 1 FROM guardianship g JOIN way w ON w.from_id = r.org_id AND w.into_id = g.recorded_org_id
            WHERE g.child_id = r.child_id AND g.guardian_id = r.person_id AND g.status IN ('pending', 'confirmed'))
      AND NOT EXISTS (SELECT 1 FROM relation_claim o JOIN guardianship g ON g.recorded_org_id = o.org_id AND g.child_id = r.child_id AND g.guardian_id = r.person_id AND g.status IN ('pending', 'confirmed')
            WHERE o.kind = r.kind AND o.person_id = r.person_id AND o.child_id = r.child_id AND o.subject_key = r.subject_key AND o.state IN ('pending', 'rejected') AND o.id <> r.id);
