-- A lane takes several logout tokens of its client, and walks over nobody else's.
CREATE INDEX logout_delivery_client_idx ON logout_delivery (client_id, next_at) WHERE done_at IS NULL AND failed_at IS NULL;
