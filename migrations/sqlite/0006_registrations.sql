-- Clients that registered themselves (RFC 7591), resources that tokens are made for (RFC 8707), tokens that were called back.
CREATE TABLE initial_token (          -- lets somebody register clients
    id BLOB PRIMARY KEY,
    digest BLOB NOT NULL,
    policy TEXT NOT NULL,             -- what such a client may be
    uses_left INTEGER NOT NULL CHECK (uses_left >= 0),
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX initial_token_digest_key ON initial_token (digest);

CREATE TABLE client_registration (    -- clients that registered themselves; the operator's have no row
    client_id BLOB PRIMARY KEY REFERENCES client (id),
    token_digest BLOB NOT NULL,        -- of the registration access token (RFC 7592)
    policy TEXT NOT NULL,
    initial_token_id BLOB REFERENCES initial_token (id),
    created_at INTEGER NOT NULL,
    used_at INTEGER                    -- when somebody first arrived there
) STRICT;
CREATE INDEX client_registration_unused_idx ON client_registration (created_at) WHERE used_at IS NULL;

CREATE TABLE resource (
    uri TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE revoked_token (          -- access tokens without a grant that ended before their time
    digest BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX revoked_token_expires_at_idx ON revoked_token (expires_at);
