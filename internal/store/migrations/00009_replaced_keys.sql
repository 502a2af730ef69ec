-- What a key of a feed is good for that another one has replaced.

-- +goose Up

-- The epoch that was open when it was replaced, and the last number of the series in which its instance told facts then; -1 of a key that was not.
ALTER TABLE feed_keys ADD COLUMN until_epoch BIGINT NOT NULL DEFAULT -1;
ALTER TABLE feed_keys ADD COLUMN until_number BIGINT NOT NULL DEFAULT -1;

-- When the key came or was replaced last: by the database's clock in microseconds, and later than all before. The list of keys has the latest as its
-- version: no clock that was wrong once makes a later list look like an earlier one.
ALTER TABLE feed_keys ADD COLUMN changed BIGINT NOT NULL DEFAULT 0;

-- Programs of version 8 go on beside this. Keys that they add have not changed; they replace none, and their lists name no replaced ones.
