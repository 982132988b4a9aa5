-- Nobody knows who laid the locks of before 0039: each stands now where its person studies, works or keeps a child, as by whoever
-- runs that institution, so that whoever covers all of her may take it off, and nobody else.
INSERT INTO account_lock (account_id, org_id, duty, locked_at)
    SELECT a.id, s.org_id, 'system', a.updated_at FROM account a JOIN (
        SELECT person_id, org_id FROM enrolment WHERE valid_to IS NULL
        UNION SELECT person_id, org_id FROM staffing WHERE valid_to IS NULL
        UNION SELECT g.guardian_id, e.org_id FROM guardianship g JOIN enrolment e ON e.person_id = g.child_id AND e.valid_to IS NULL WHERE g.status = 'confirmed'
    ) s ON s.person_id = a.person_id
    WHERE a.state = 'admin_locked' AND NOT EXISTS (SELECT 1 FROM account_lock l WHERE l.account_id = a.id);
