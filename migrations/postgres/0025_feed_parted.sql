-- Two records that were one are two again: platforms hear of that by a kind of its own.
ALTER TABLE platform_feed DROP CONSTRAINT platform_feed_kind_check;
ALTER TABLE platform_feed ADD CONSTRAINT platform_feed_kind_check
    CHECK (kind IN ('person.entered', 'person.changed', 'person.left', 'institution.changed', 'subject.merged', 'subject.parted'));
