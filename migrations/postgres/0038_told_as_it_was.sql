-- How a paper ended before it was issued anew under its number.
CREATE TABLE identity_document_slice (
    id UUID PRIMARY KEY,
    document_id UUID NOT NULL REFERENCES identity_document (id),
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL,                                -- first day on which it was no longer so
    ended_as TEXT NOT NULL CHECK (ended_as IN ('lost', 'void', 'recalled')),
    evidence_sealed BYTEA,                                  -- by what that is known
    created_at BIGINT NOT NULL
);
CREATE INDEX identity_document_slice_document_id_idx ON identity_document_slice (document_id);

CREATE INDEX admin_grant_granted_by_idx ON admin_grant (granted_by) WHERE granted_by IS NOT NULL;
CREATE INDEX client_keeper_id_idx ON client (keeper_id) WHERE keeper_id IS NOT NULL;
CREATE INDEX client_suspended_by_idx ON client (suspended_by) WHERE suspended_by IS NOT NULL;
-- What a person gave, keeps or suspended goes with her when she is merged, and comes back with an undoing; what was given before goes now.
INSERT INTO person_merge_row (merge_id, place, row_id)
    WITH RECURSIVE way (row_id, who) AS (
        SELECT id, granted_by FROM admin_grant WHERE granted_by IS NOT NULL
        UNION SELECT way.row_id, m.survivor_id FROM way JOIN person_merge m ON m.absorbed_id = way.who AND m.state = 'done')
    SELECT m.id, 'admin_grant.granted_by', way.row_id FROM way JOIN person_merge m ON m.absorbed_id = way.who AND m.state = 'done';
INSERT INTO person_merge_row (merge_id, place, row_id)
    WITH RECURSIVE way (row_id, who) AS (
        SELECT id, keeper_id FROM client WHERE keeper_id IS NOT NULL
        UNION SELECT way.row_id, m.survivor_id FROM way JOIN person_merge m ON m.absorbed_id = way.who AND m.state = 'done')
    SELECT m.id, 'client.keeper_id', way.row_id FROM way JOIN person_merge m ON m.absorbed_id = way.who AND m.state = 'done';
INSERT INTO person_merge_row (merge_id, place, row_id)
    WITH RECURSIVE way (row_id, who) AS (
        SELECT id, suspended_by FROM client WHERE suspended_by IS NOT NULL
        UNION SELECT way.row_id, m.survivor_id FROM way JOIN person_merge m ON m.absorbed_id = way.who AND m.state = 'done')
    SELECT m.id, 'client.suspended_by', way.row_id FROM way JOIN person_merge m ON m.absorbed_id = way.who AND m.state = 'done';
WITH RECURSIVE way (who, stands) AS (
        SELECT id, merged_into FROM person WHERE merged_into IS NOT NULL
        UNION SELECT way.who, p.merged_into FROM way JOIN person p ON p.id = way.stands WHERE p.merged_into IS NOT NULL)
    UPDATE admin_grant SET granted_by = (SELECT way.stands FROM way JOIN person p ON p.id = way.stands WHERE way.who = admin_grant.granted_by AND p.merged_into IS NULL)
    WHERE granted_by IN (SELECT who FROM way);
WITH RECURSIVE way (who, stands) AS (
        SELECT id, merged_into FROM person WHERE merged_into IS NOT NULL
        UNION SELECT way.who, p.merged_into FROM way JOIN person p ON p.id = way.stands WHERE p.merged_into IS NOT NULL)
    UPDATE client SET keeper_id = (SELECT way.stands FROM way JOIN person p ON p.id = way.stands WHERE way.who = client.keeper_id AND p.merged_into IS NULL)
    WHERE keeper_id IN (SELECT who FROM way);
WITH RECURSIVE way (who, stands) AS (
        SELECT id, merged_into FROM person WHERE merged_into IS NOT NULL
        UNION SELECT way.who, p.merged_into FROM way JOIN person p ON p.id = way.stands WHERE p.merged_into IS NOT NULL)
    UPDATE client SET suspended_by = (SELECT way.stands FROM way JOIN person p ON p.id = way.stands WHERE way.who = client.suspended_by AND p.merged_into IS NULL)
    WHERE suspended_by IN (SELECT who FROM way);
