-- Who vouches for a client, and whose it is in the console.
ALTER TABLE client ADD COLUMN vouched BOOLEAN NOT NULL DEFAULT TRUE; -- the operator registered it
ALTER TABLE client ADD COLUMN keeper_id UUID REFERENCES person (id); -- who registered it in the console, or answers for it; none: whoever runs its institution
-- What was registered in the console so far cannot be told from what was handed to an institution: nobody vouches for either.
UPDATE client SET vouched = FALSE WHERE id IN (SELECT client_id FROM client_registration) OR document_url IS NOT NULL OR (kind = 'application' AND org_id IS NOT NULL);
