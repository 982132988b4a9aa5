-- What clients may ask to do in detail (RFC 9396): types that the operator defines; what was agreed to in a grant and a receipt.
CREATE TABLE authorization_type (
    kind TEXT PRIMARY KEY,                               -- its name on the wire
    definition TEXT NOT NULL,                            -- what may stand in it, who understands it, what people read
    updated_at INTEGER NOT NULL
) STRICT;

ALTER TABLE oidc_grant ADD COLUMN details TEXT;
ALTER TABLE consent ADD COLUMN details TEXT;            -- with a digest of what stood on the page
