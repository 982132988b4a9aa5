-- Errands 交办: long work for an administrator, looked at before it is done, and what was sent and found, sealed.
CREATE TABLE errand (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL,
    asked_by UUID NOT NULL REFERENCES person (id),
    asked_at BIGINT NOT NULL,
    wish JSONB NOT NULL,                            -- codes of institutions, years
    state TEXT NOT NULL CHECK (state IN ('open', 'checking', 'checked', 'confirmed', 'done', 'failed', 'cancelled')),
    size BIGINT NOT NULL,
    done BIGINT NOT NULL,
    total BIGINT NOT NULL,
    runs BIGINT NOT NULL,
    fault TEXT,
    ended_at BIGINT,
    taken_by UUID,                                  -- who files, or works on it
    taken_until BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX errand_asked_idx ON errand (asked_by, id);
CREATE INDEX errand_waiting_idx ON errand (taken_until, id) WHERE state IN ('checking', 'confirmed');
CREATE INDEX errand_open_idx ON errand (asked_at) WHERE ended_at IS NULL;
CREATE INDEX errand_ended_idx ON errand (ended_at);

CREATE TABLE errand_part (
    errand_id UUID NOT NULL REFERENCES errand (id),
    what TEXT NOT NULL CHECK (what IN ('file', 'plan', 'result')),
    n BIGINT NOT NULL,
    sealed TEXT NOT NULL,
    PRIMARY KEY (errand_id, what, n)
);
