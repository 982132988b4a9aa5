-- What the tokens of a grant are bound to (RFC 7800), and the platforms that the home page lists.
ALTER TABLE oidc_grant ADD COLUMN cnf TEXT;
CREATE INDEX client_kind_idx ON client (kind, status, name, id);
