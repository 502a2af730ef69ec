-- When a leader's own message was sent, by this machine's clock, beside the height: 0 for what an earlier version stored.

-- +goose Up
ALTER TABLE own_proposals ADD COLUMN sent_time BIGINT NOT NULL DEFAULT 0;
