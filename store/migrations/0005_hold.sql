-- Hold, completeness certificates and digests.

-- The operator's hold: one row while it is set.
CREATE TABLE hold (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  since  INTEGER NOT NULL,
  by     TEXT    NOT NULL,
  reason TEXT    NOT NULL
) STRICT;

-- Events that the hold keeps from the feed, in the order in which they get their numbers. Rows leave
-- from the front, so the ids have no holes. `about` is the deposit as of the event, rendered.
CREATE TABLE withheld (
  id       INTEGER PRIMARY KEY,
  type     TEXT    NOT NULL,
  at       INTEGER NOT NULL,
  backfill INTEGER NOT NULL CHECK (backfill IN (0, 1)),
  utxo     BLOB    NOT NULL CHECK (length(utxo) = 32),
  epoch    INTEGER NOT NULL,
  about    TEXT    NOT NULL
) STRICT;
CREATE INDEX withheld_deposit ON withheld (utxo, epoch);

-- One for each sealed epoch, chained; appended, never changed. Amounts are decimal: sums have no
-- bound. How `hash` is made stands in store/certificates.hpp.
CREATE TABLE certificate (
  epoch          INTEGER PRIMARY KEY REFERENCES macro_block (epoch),
  macro_hash     BLOB    NOT NULL CHECK (length(macro_hash) = 32),
  public_count   INTEGER NOT NULL,
  public_amount  TEXT    NOT NULL,
  public_hash    BLOB    NOT NULL CHECK (length(public_hash) = 32),
  matched_count  INTEGER NOT NULL,
  matched_amount TEXT    NOT NULL,
  matched_hash   BLOB    NOT NULL CHECK (length(matched_hash) = 32),
  feed           TEXT    NOT NULL,
  feed_seq       INTEGER NOT NULL,
  previous       BLOB    NOT NULL CHECK (length(previous) = 32),
  hash           BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- What every other table holds, as one number each: see store/sqlite/digest.hpp.
CREATE TABLE digest (
  name TEXT PRIMARY KEY,
  rows INTEGER NOT NULL,
  sum  BLOB    NOT NULL CHECK (length(sum) = 16)
) STRICT, WITHOUT ROWID;
