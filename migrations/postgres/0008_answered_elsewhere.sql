-- Questions that are asked on one device and answered on another (device grant, CIBA), and what a session began at.
CREATE TABLE elsewhere_question (
    id UUID PRIMARY KEY,
    way TEXT NOT NULL CHECK (way IN ('device', 'ciba')),
    client_id UUID NOT NULL REFERENCES client (id),
    person_id UUID REFERENCES person (id), -- whom the client named, or who answered
    code_digest BYTEA NOT NULL,           -- of device_code or auth_req_id
    user_code_idx BYTEA,                  -- HMAC of what a person types
    asked JSONB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'redeemed')),
    offer JSONB,                         -- what it leads to
    notify_uri TEXT,
    notify_sealed TEXT,                  -- what the client hears there once somebody answered, until it has heard it
    notify_attempts BIGINT NOT NULL,
    notify_at BIGINT,                   -- when it is due
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    decided_at BIGINT
);
CREATE UNIQUE INDEX elsewhere_question_code_digest_key ON elsewhere_question (code_digest);
CREATE UNIQUE INDEX elsewhere_question_user_code_idx_key ON elsewhere_question (user_code_idx);
CREATE INDEX elsewhere_question_person_idx ON elsewhere_question (person_id);
CREATE INDEX elsewhere_question_notify_at_idx ON elsewhere_question (notify_at) WHERE notify_at IS NOT NULL;

ALTER TABLE session ADD COLUMN agent TEXT; -- browser and system in words of ours, for the list that its person sees
ALTER TABLE session ADD COLUMN client_id UUID REFERENCES client (id); -- of a session that was begun for a device of this client

ALTER TABLE logout_delivery ADD COLUMN taken_until BIGINT; -- somebody waits for this client's answer
CREATE INDEX logout_delivery_taken_idx ON logout_delivery (client_id, taken_until) WHERE taken_until IS NOT NULL;
