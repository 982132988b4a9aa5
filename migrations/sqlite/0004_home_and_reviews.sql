-- Where the people of a platform open their space: one address for all of them.
ALTER TABLE platform ADD COLUMN space_url TEXT;

-- Authorities that were opened before each had a platform; the id need only be unique, so it is the authority's.
INSERT INTO platform (id, sys_code, level, name, status, created_at)
    SELECT o.id, o.division, o.level, o.name, 'active', o.created_at FROM institution o
    WHERE o.kind = 'authority' AND o.status = 'active' ORDER BY o.created_at, o.id
    ON CONFLICT (sys_code) DO NOTHING;

-- Claims that their own row made true and that nobody looked at since.
CREATE INDEX relation_claim_unreviewed_idx ON relation_claim (created_at, id)
    WHERE state = 'confirmed' AND claimed_by IS NOT NULL AND decided_by IS NULL AND decided_at = created_at;
