-- Whom an event is told to, and a number that was erased and comes again.
ALTER TABLE event ADD COLUMN sector TEXT;   -- told to the clients of this sector and to nobody else; none: to whoever may know of the aggregate

CREATE INDEX identity_document_erased_idx ON identity_document (class, country, number_index) WHERE status = 'erased';
CREATE INDEX personal_code_erased_idx ON personal_code (code_index) WHERE status = 'erased';
CREATE INDEX relation_claim_claimed_by_idx ON relation_claim (claimed_by) WHERE claimed_by IS NOT NULL;

-- One more kind of case.
ALTER TABLE conflict_case DROP CONSTRAINT conflict_case_kind_check;
ALTER TABLE conflict_case ADD CONSTRAINT conflict_case_kind_check
    CHECK (kind IN ('same_document', 'same_details', 'correction', 'personal_code', 'erased_number'));
CREATE INDEX conflict_case_opened_by_idx ON conflict_case (opened_by) WHERE opened_by IS NOT NULL;
