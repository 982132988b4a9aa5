-- Changes for each platform (R4): which institutions it serves, whom it knows, and what became of them, in numbers without a gap.
CREATE TABLE platform_reach (
    client_id UUID NOT NULL REFERENCES client (id),
    org_id UUID NOT NULL REFERENCES institution (id),  -- it and everything under it
    created_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, org_id)
);

CREATE TABLE platform_stream (
    client_id UUID PRIMARY KEY REFERENCES client (id),
    head BIGINT NOT NULL,                                -- the last number given
    floor BIGINT NOT NULL,                               -- the last one that is not kept any more
    rebuilding_after UUID                                -- while everybody is looked at anew: up to whom that went; none when it is done
);

CREATE TABLE platform_member (                       -- whom it was told of, up to the head
    client_id UUID NOT NULL REFERENCES client (id),
    person_id UUID NOT NULL REFERENCES person (id),
    PRIMARY KEY (client_id, person_id)
);

CREATE TABLE platform_feed (                         -- ids and names of fields; values are read when it is delivered
    client_id UUID NOT NULL REFERENCES client (id),
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('person.entered', 'person.changed', 'person.left', 'institution.changed', 'subject.merged')),
    subject_id UUID NOT NULL,                          -- the person or institution
    fields jsonb NOT NULL,
    event_id UUID NOT NULL REFERENCES event (id),
    numbered_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, seq)
);
CREATE INDEX platform_feed_numbered_idx ON platform_feed (client_id, numbered_at);

CREATE TABLE feed_day (                              -- days that brought something about by themselves, and were told of
    day TEXT PRIMARY KEY
);
