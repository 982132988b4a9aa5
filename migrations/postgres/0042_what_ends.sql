-- What has ended is removed after its time: whatever names it by a key is found by that key, or each row that goes is looked for everywhere.
-- Whole from the beginning: sequencers of before read it and then write to it.
LOCK TABLE feed IN ACCESS EXCLUSIVE MODE;
CREATE INDEX sign_in_session_idx ON sign_in (session_id);
CREATE UNIQUE INDEX feed_event_id_stream_key ON feed (event_id, stream);
DROP INDEX feed_stream_event_id_key;
CREATE INDEX platform_feed_event_idx ON platform_feed (event_id);
