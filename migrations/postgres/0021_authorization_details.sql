-- What clients may ask to do in detail (RFC 9396): types that the operator defines; what was agreed to in a grant and a receipt.
CREATE TABLE authorization_type (
    kind TEXT PRIMARY KEY,                               -- its name on the wire
    definition jsonb NOT NULL,                           -- what may stand in it, who understands it, what people read
    updated_at BIGINT NOT NULL
);

ALTER TABLE oidc_grant ADD COLUMN details jsonb;
ALTER TABLE consent ADD COLUMN details jsonb;           -- with a digest of what stood on the page
