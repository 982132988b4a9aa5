-- A change that was begun is taken back in steps, and a kill in between leaves it on its way; where it was to lie is known then.
ALTER TABLE institution_change DROP CONSTRAINT institution_change_state_check;
ALTER TABLE institution_change ADD CONSTRAINT institution_change_state_check CHECK (state IN ('running', 'stopping', 'done'));
ALTER TABLE institution_change ADD COLUMN division TEXT;   -- of a move: where it is to lie, where somebody said so
DROP INDEX institution_change_org_id_key;
CREATE UNIQUE INDEX institution_change_org_id_key ON institution_change (org_id) WHERE state <> 'done';
