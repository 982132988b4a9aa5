-- One slow client keeps no other from hearing that its question was answered.
ALTER TABLE elsewhere_question ADD COLUMN notify_taken_until BIGINT; -- somebody waits for this client's answer
CREATE INDEX elsewhere_question_taken_idx ON elsewhere_question (client_id, notify_taken_until) WHERE notify_taken_until IS NOT NULL;
