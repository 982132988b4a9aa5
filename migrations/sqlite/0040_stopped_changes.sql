-- A change that was begun is taken back in steps, and a kill in between leaves it on its way; where it was to lie is known then.
CREATE TABLE institution_change_next (
    id BLOB PRIMARY KEY,
    org_id BLOB NOT NULL REFERENCES institution (id),
    kind TEXT NOT NULL CHECK (kind IN ('moved', 'merged', 'split', 'closed')),
    into_id BLOB REFERENCES institution (id),         -- the new parent, the survivor, the new school, the successor
    day TEXT NOT NULL,                 -- Asia/Shanghai: the first day on which it is so
    state TEXT NOT NULL CHECK (state IN ('running', 'stopping', 'done')),
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    division TEXT                      -- of a move: where it is to lie, where somebody said so
) STRICT;
INSERT INTO institution_change_next (id, org_id, kind, into_id, day, state, started_at, ended_at)
    SELECT id, org_id, kind, into_id, day, state, started_at, ended_at FROM institution_change;
DROP TABLE institution_change;
ALTER TABLE institution_change_next RENAME TO institution_change;
CREATE UNIQUE INDEX institution_change_org_id_key ON institution_change (org_id) WHERE state <> 'done';
CREATE INDEX institution_change_org_idx ON institution_change (org_id);
CREATE INDEX institution_change_into_idx ON institution_change (into_id);
