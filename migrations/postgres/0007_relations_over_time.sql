-- Relations over time: what a stay was before, and the turn of the school year, which can be taken back.
CREATE TABLE enrolment_slice (         -- 学籍异动: the row of the stay says how it is, these how it was; the stay keeps its id
    enrolment_id UUID NOT NULL REFERENCES enrolment (id),
    class_id UUID REFERENCES class (id),
    student_no TEXT,
    state TEXT NOT NULL,               -- XSDQZT
    valid_from TEXT NOT NULL,
    valid_to TEXT NOT NULL,            -- first day on which it was no longer so
    created_at BIGINT NOT NULL,
    PRIMARY KEY (enrolment_id, valid_from)
);
CREATE INDEX enrolment_slice_class_idx ON enrolment_slice (class_id);

CREATE TABLE school_year_turn (        -- 升级: one for each institution and year, until it is undone
    id UUID PRIMARY KEY,
    org_id UUID NOT NULL REFERENCES institution (id),
    year BIGINT NOT NULL,              -- of the 1 September
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'undoing', 'undone')),
    started_at BIGINT NOT NULL,
    undo_until BIGINT NOT NULL,
    ended_at BIGINT,                   -- when its state became done or undone
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX school_year_turn_org_id_year_key ON school_year_turn (org_id, year) WHERE state <> 'undone';

CREATE TABLE school_year_turn_row (    -- what a turn changed, so that it can be changed back
    turn_id UUID NOT NULL REFERENCES school_year_turn (id),
    place TEXT NOT NULL CHECK (place IN ('class', 'enrolment', 'teaching')),
    row_id UUID NOT NULL,
    before TEXT NOT NULL,              -- the state that it had
    after TEXT NOT NULL,               -- what it got: a version, or the day of its end; another one: changed since
    outcome TEXT CHECK (outcome IN ('restored', 'changed')),
    PRIMARY KEY (turn_id, place, row_id)
);
CREATE INDEX school_year_turn_row_waiting_idx ON school_year_turn_row (turn_id, place) WHERE outcome IS NULL;
