-- What origins signed of the items of records, for subscribers.

-- +goose Up

-- Of the segment's records, in the form of feed.EncodeWitnesses; empty if none has any.
ALTER TABLE feed_records ADD COLUMN witnesses BYTEA NOT NULL DEFAULT '';

-- Facts that are told in one transaction have one signature from now on. It stands where that of a segment's first fact did, one byte longer, and the
-- others have none. One fact alone is as it was.

-- Programs of version 7 go on beside this. What they write has no witnesses, and what they cut to size loses them. Facts that have one signature
-- they refuse with an error, and take in nothing that their origin told from there on until they are replaced; it stays stored meanwhile.
