-- Under which text receipts counted when everybody was looked at; none for a platform with a basis of its own.
ALTER TABLE platform_stream ADD COLUMN notice TEXT;
-- Whom an entry of the log showed, to compare with what it says.
CREATE INDEX disclosure_entry_idx ON disclosure (entry_id);
-- Staff of authorities above the county are found by name, too.
INSERT INTO presence (org_id, name_key, person_id)
    SELECT s.org_id, p.name_key, p.id FROM staffing s JOIN institution o ON o.id = s.org_id AND o.level IN ('nation', 'province', 'city') JOIN person p ON p.id = s.person_id
    WHERE s.valid_to IS NULL AND p.name_key IS NOT NULL
    ON CONFLICT (org_id, name_key, person_id) DO NOTHING;
