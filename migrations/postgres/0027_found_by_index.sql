-- What a refused transfer and an erasure look for, among everything that was ever claimed or asked.
CREATE INDEX relation_claim_rejected_idx ON relation_claim (decided_at) WHERE state = 'rejected' AND kind = 'student';
CREATE INDEX approval_person_idx ON approval (person_id) WHERE person_id IS NOT NULL;
