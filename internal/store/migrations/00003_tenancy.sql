-- Who may write to a shared database: one node at a time, whose claim ends by the database's own clock. It is one row. An
-- embedded database is guarded by a lock file instead and leaves the row as it is.

-- +goose Up
CREATE TABLE tenancy (
    name    TEXT   NOT NULL PRIMARY KEY,
    holder  TEXT   NOT NULL, -- a random name of one opened store; empty if nobody has it
    process TEXT   NOT NULL, -- host and process of the holder, for people
    commits BIGINT NOT NULL, -- grows with each transaction of a holder
    expires BIGINT NOT NULL  -- microseconds of the Unix epoch
);

INSERT INTO tenancy (name, holder, process, commits, expires) VALUES ('node', '', '', 0, 0);
