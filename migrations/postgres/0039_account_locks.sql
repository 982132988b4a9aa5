-- By whom an account is locked: with which kind of duty, from where. Whoever undoes it covers that place with that duty.
CREATE TABLE account_lock (
    account_id UUID NOT NULL REFERENCES account (id),
    org_id UUID NOT NULL REFERENCES institution (id),
    duty TEXT NOT NULL CHECK (duty IN ('system', 'security')),
    locked_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, org_id, duty)
);
