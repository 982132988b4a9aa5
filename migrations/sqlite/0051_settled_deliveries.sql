-- Logout tokens that were settled long ago are dropped page by page, and those that wait or were settled lately are not walked over.
CREATE INDEX logout_delivery_settled_idx ON logout_delivery (created_at) WHERE done_at IS NOT NULL OR failed_at IS NOT NULL;
