-- What a grant's tokens may be for besides userinfo (RFC 8707): resource → words of its scope.
ALTER TABLE oidc_grant ADD COLUMN resources jsonb;
