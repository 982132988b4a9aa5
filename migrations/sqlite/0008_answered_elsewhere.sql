-- Questions that are asked on one device and answered on another (device grant, CIBA), and what a session began at.
CREATE TABLE elsewhere_question (
    id BLOB PRIMARY KEY,
    way TEXT NOT NULL CHECK (way IN ('device', 'ciba')),
    client_id BLOB NOT NULL REFERENCES client (id),
    person_id BLOB REFERENCES person (id), -- whom the client named, or who answered
    code_digest BLOB NOT NULL,           -- of device_code or auth_req_id
    user_code_idx BLOB,                  -- HMAC of what a person types
    asked TEXT NOT NULL,                 -- JSON
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'redeemed')),
    offer TEXT,                          -- JSON: what it leads to
    notify_uri TEXT,
    notify_sealed TEXT,                  -- what the client hears there once somebody answered, until it has heard it
    notify_attempts INTEGER NOT NULL,
    notify_at INTEGER,                   -- when it is due
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER
) STRICT;
CREATE UNIQUE INDEX elsewhere_question_code_digest_key ON elsewhere_question (code_digest);
CREATE UNIQUE INDEX elsewhere_question_user_code_idx_key ON elsewhere_question (user_code_idx);
CREATE INDEX elsewhere_question_person_idx ON elsewhere_question (person_id);
CREATE INDEX elsewhere_question_notify_at_idx ON elsewhere_question (notify_at) WHERE notify_at IS NOT NULL;

ALTER TABLE session ADD COLUMN agent TEXT; -- browser and system in words of ours, for the list that its person sees
ALTER TABLE session ADD COLUMN client_id BLOB REFERENCES client (id); -- of a session that was begun for a device of this client

ALTER TABLE logout_delivery ADD COLUMN taken_until INTEGER; -- somebody waits for this client's answer
CREATE INDEX logout_delivery_taken_idx ON logout_delivery (client_id, taken_until) WHERE taken_until IS NOT NULL;
