-- The feed of each instance: what it accepted, what its mailboxes hold and how it sealed it; and the facts that feeds are to tell.
-- Epochs are indices of windows, -1 for none. Nothing of an earlier version is changed.

-- +goose Up

-- Whoever writes into a feed has locked its row here.
CREATE TABLE feeds (
    instance TEXT   NOT NULL PRIMARY KEY,
    last     BIGINT NOT NULL, -- number of the last record accepted, 0 for none
    opened   BIGINT NOT NULL, -- the last epoch opened
    sealed   BIGINT NOT NULL, -- the last epoch sealed
    seen     BIGINT NOT NULL  -- the epoch in which the feed was last begun or opened: one that is old is that of an instance that is gone
);

CREATE TABLE feed_subscriptions (
    instance      TEXT  NOT NULL,
    hash          BYTEA NOT NULL CHECK (length(hash) = 32),
    subscriptions BYTEA NOT NULL,
    PRIMARY KEY (instance, hash)
);

-- The row of an epoch stays when the epoch is collected, with its seal's hash: it is compressed to its head.
CREATE TABLE feed_epochs (
    instance      TEXT   NOT NULL,
    epoch         BIGINT NOT NULL,
    subscriptions BYTEA  NOT NULL CHECK (length(subscriptions) = 32), -- hash
    head          BYTEA  NOT NULL, -- hash of the seal, empty until there is one
    PRIMARY KEY (instance, epoch)
);

CREATE TABLE feed_seals (
    instance TEXT   NOT NULL,
    epoch    BIGINT NOT NULL,
    seal     BYTEA  NOT NULL,
    PRIMARY KEY (instance, epoch)
);

-- Records, entries and facts stand in segments, a row for what was written at once: a row costs much more than its bytes. In a segment each
-- value has its length, four bytes, before it. What can be long stands last, so that what is before it is read alone.

-- Records of one epoch. Those that are collected are left out between the first and the last.
CREATE TABLE feed_records (
    instance TEXT   NOT NULL,
    seq      BIGINT NOT NULL, -- number of the first one
    last     BIGINT NOT NULL, -- of the last one
    epoch    BIGINT NOT NULL,
    count    BIGINT NOT NULL,
    size     BIGINT NOT NULL, -- bytes of the payloads
    sources  TEXT   NOT NULL, -- JSON: each source's last number that is in it
    records  BYTEA  NOT NULL, -- each in its one form
    payloads BYTEA  NOT NULL, -- in the same order
    PRIMARY KEY (instance, seq)
);

CREATE TABLE feed_sources (
    instance TEXT   NOT NULL,
    source   TEXT   NOT NULL,
    accepted BIGINT NOT NULL, -- the source's last number that is in the feed
    sealed   BIGINT NOT NULL, -- the same, of sealed epochs
    PRIMARY KEY (instance, source)
);

CREATE TABLE feed_mailboxes (
    instance     TEXT   NOT NULL,
    mailbox      TEXT   NOT NULL,
    last         BIGINT NOT NULL, -- number of the last entry
    head         BYTEA  NOT NULL CHECK (length(head) = 32), -- its hash; zero of an empty mailbox
    gap          BIGINT NOT NULL, -- epoch of the last entry if that is a gap, else -1
    acknowledged BIGINT NOT NULL,
    moved        TEXT   NOT NULL, -- the instance that it was moved to; empty: it is here
    PRIMARY KEY (instance, mailbox)
);

-- Entries of one mailbox and epoch.
CREATE TABLE feed_entries (
    instance TEXT   NOT NULL,
    mailbox  TEXT   NOT NULL,
    number   BIGINT NOT NULL, -- of the first one
    last     BIGINT NOT NULL, -- of the last one
    epoch    BIGINT NOT NULL,
    least    BIGINT NOT NULL, -- of the records' numbers; 0 if there are gaps alone
    greatest BIGINT NOT NULL,
    seqs     BYTEA  NOT NULL, -- the records' numbers, eight bytes each; 0 of a gap
    entries  BYTEA  NOT NULL, -- each in its one form
    PRIMARY KEY (instance, mailbox, number)
);
CREATE INDEX feed_entries_of_records ON feed_entries (instance, least);

-- A mailbox's way from instance to instance.
CREATE TABLE feed_moves (
    mailbox   TEXT   NOT NULL,
    turn      BIGINT NOT NULL, -- from 1
    giver     TEXT   NOT NULL,
    taker     TEXT   NOT NULL,
    epoch     BIGINT NOT NULL, -- the last one at the giver
    last      BIGINT NOT NULL, -- number of the last entry there
    head      BYTEA  NOT NULL CHECK (length(head) = 32), -- its hash
    positions TEXT   NOT NULL, -- JSON: what the mailbox has of each source
    released  BYTEA  NOT NULL, -- what the giver has signed of it; empty if it was gone
    taken     BYTEA  NOT NULL, -- what the taker has signed of it; empty until it has
    made      BIGINT NOT NULL, -- microseconds of the Unix epoch, by the database's clock
    PRIMARY KEY (mailbox, turn)
);

-- Moves that are asked for and not made yet.
CREATE TABLE feed_wishes (
    mailbox TEXT   NOT NULL PRIMARY KEY,
    taker   TEXT   NOT NULL,
    ready   BIGINT NOT NULL, -- the epoch from which on the taker is prepared; -1 until it has said so
    since   BIGINT NOT NULL  -- microseconds, as above
);

-- All keys that an instance ever signed with: one that lost its disk goes on with a new one, and what it told before still holds.
CREATE TABLE feed_keys (
    instance TEXT  NOT NULL,
    public   BYTEA NOT NULL CHECK (length(public) = 32), -- Ed25519
    PRIMARY KEY (instance, public)
);

-- Facts, each written in the transaction of what it tells of. An origin, which is an instance, counts its facts from 1 and leaves
-- no number out.
CREATE TABLE feed_origins (
    origin TEXT   NOT NULL PRIMARY KEY,
    last   BIGINT NOT NULL
);
CREATE TABLE feed_facts (
    origin TEXT   NOT NULL,
    number BIGINT NOT NULL, -- of the first one
    last   BIGINT NOT NULL, -- of the last one
    block  BIGINT NOT NULL, -- of the newest window among them
    size   BIGINT NOT NULL, -- bytes of the payloads
    facts  BYTEA  NOT NULL, -- of each: window 8 bytes, wallet 20, kind 1, and with their lengths signature (none on a node alone) and payload
    PRIMARY KEY (origin, number)
);

-- Whoever begins a feed, moves a mailbox or removes facts locks it.
INSERT INTO changes (topic, version) VALUES ('feeds', 0);

-- Programs of version 4 go on beside this: they never look at these tables. What they store is not told.
