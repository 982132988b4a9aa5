-- Two records that were one are two again: platforms hear of that by a kind of its own. A CHECK is part of the table here.
CREATE TABLE platform_feed_again (
    client_id BLOB NOT NULL REFERENCES client (id),
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('person.entered', 'person.changed', 'person.left', 'institution.changed', 'subject.merged', 'subject.parted')),
    subject_id BLOB NOT NULL,
    fields TEXT NOT NULL,
    event_id BLOB NOT NULL REFERENCES event (id),
    numbered_at INTEGER NOT NULL,
    PRIMARY KEY (client_id, seq)
) STRICT;
INSERT INTO platform_feed_again SELECT client_id, seq, kind, subject_id, fields, event_id, numbered_at FROM platform_feed;
DROP TABLE platform_feed;
ALTER TABLE platform_feed_again RENAME TO platform_feed;
CREATE INDEX platform_feed_numbered_idx ON platform_feed (client_id, numbered_at);
