-- Papers and 学籍号 end on a day; a paper that was lost, became void or was recalled ends without another in its place.
ALTER TABLE personal_code ADD COLUMN valid_to TEXT;               -- first day on which it was no longer so
ALTER TABLE identity_document ADD COLUMN ended_as TEXT CHECK (ended_as IN ('lost', 'void', 'recalled'));
ALTER TABLE identity_document ADD COLUMN end_evidence_sealed BYTEA; -- by what that is known
