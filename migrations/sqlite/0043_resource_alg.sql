-- RFC 9068, 2.1: a service may know RS256 alone.
ALTER TABLE resource ADD COLUMN token_alg TEXT NOT NULL DEFAULT 'ES256' CHECK (token_alg IN ('ES256', 'RS256'));
