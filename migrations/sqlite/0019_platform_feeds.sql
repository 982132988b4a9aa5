-- Changes for each platform (R4): which institutions it serves, whom it knows, and what became of them, in numbers without a gap.
CREATE TABLE platform_reach (
    client_id BLOB NOT NULL REFERENCES client (id),
    org_id BLOB NOT NULL REFERENCES institution (id),  -- it and everything under it
    created_at INTEGER NOT NULL,
    PRIMARY KEY (client_id, org_id)
) STRICT;

CREATE TABLE platform_stream (
    client_id BLOB PRIMARY KEY REFERENCES client (id),
    head INTEGER NOT NULL,                                -- the last number given
    floor INTEGER NOT NULL,                               -- the last one that is not kept any more
    rebuilding_after BLOB                                -- while everybody is looked at anew: up to whom that went; none when it is done
) STRICT;

CREATE TABLE platform_member (                       -- whom it was told of, up to the head
    client_id BLOB NOT NULL REFERENCES client (id),
    person_id BLOB NOT NULL REFERENCES person (id),
    PRIMARY KEY (client_id, person_id)
) STRICT;

CREATE TABLE platform_feed (                         -- ids and names of fields; values are read when it is delivered
    client_id BLOB NOT NULL REFERENCES client (id),
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('person.entered', 'person.changed', 'person.left', 'institution.changed', 'subject.merged')),
    subject_id BLOB NOT NULL,                          -- the person or institution
    fields TEXT NOT NULL,
    event_id BLOB NOT NULL REFERENCES event (id),
    numbered_at INTEGER NOT NULL,
    PRIMARY KEY (client_id, seq)
) STRICT;
CREATE INDEX platform_feed_numbered_idx ON platform_feed (client_id, numbered_at);

CREATE TABLE feed_day (                              -- days that brought something about by themselves, and were told of
    day TEXT PRIMARY KEY
) STRICT;
