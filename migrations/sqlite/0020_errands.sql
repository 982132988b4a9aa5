-- Errands 交办: long work for an administrator, looked at before it is done, and what was sent and found, sealed.
CREATE TABLE errand (
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL,
    asked_by BLOB NOT NULL REFERENCES person (id),
    asked_at INTEGER NOT NULL,
    wish TEXT NOT NULL,                            -- codes of institutions, years
    state TEXT NOT NULL CHECK (state IN ('open', 'checking', 'checked', 'confirmed', 'done', 'failed', 'cancelled')),
    size INTEGER NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER NOT NULL,
    runs INTEGER NOT NULL,
    fault TEXT,
    ended_at INTEGER,
    taken_by BLOB,                                  -- who files, or works on it
    taken_until INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX errand_asked_idx ON errand (asked_by, id);
CREATE INDEX errand_waiting_idx ON errand (taken_until, id) WHERE state IN ('checking', 'confirmed');
CREATE INDEX errand_open_idx ON errand (asked_at) WHERE ended_at IS NULL;
CREATE INDEX errand_ended_idx ON errand (ended_at);

CREATE TABLE errand_part (
    errand_id BLOB NOT NULL REFERENCES errand (id),
    what TEXT NOT NULL CHECK (what IN ('file', 'plan', 'result')),
    n INTEGER NOT NULL,
    sealed TEXT NOT NULL,
    PRIMARY KEY (errand_id, what, n)
) STRICT;
