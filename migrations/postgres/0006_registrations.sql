-- Clients that registered themselves (RFC 7591), resources that tokens are made for (RFC 8707), tokens that were called back.
CREATE TABLE initial_token (          -- lets somebody register clients
    id UUID PRIMARY KEY,
    digest BYTEA NOT NULL,
    policy JSONB NOT NULL,             -- what such a client may be
    uses_left BIGINT NOT NULL CHECK (uses_left >= 0),
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX initial_token_digest_key ON initial_token (digest);

CREATE TABLE client_registration (    -- clients that registered themselves; the operator's have no row
    client_id UUID PRIMARY KEY REFERENCES client (id),
    token_digest BYTEA NOT NULL,        -- of the registration access token (RFC 7592)
    policy JSONB NOT NULL,
    initial_token_id UUID REFERENCES initial_token (id),
    created_at BIGINT NOT NULL,
    used_at BIGINT                    -- when somebody first arrived there
);
CREATE INDEX client_registration_unused_idx ON client_registration (created_at) WHERE used_at IS NULL;

CREATE TABLE resource (
    uri TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    scopes JSONB NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE revoked_token (          -- access tokens without a grant that ended before their time
    digest BYTEA PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX revoked_token_expires_at_idx ON revoked_token (expires_at);
