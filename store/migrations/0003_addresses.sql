-- Addresses and checkpoints.

-- What an address was paid, kept beside its deposits in the transaction that writes them, so that an
-- answer takes no scan however many they are. No row: never paid. Sums of 64-bit amounts may need
-- more than 64 bits, so the upper and the lower 32 bits of each amount are summed apart.
CREATE TABLE address_total (
  key             BLOB    PRIMARY KEY REFERENCES address (key),
  prepared_count  INTEGER NOT NULL,
  prepared_high   INTEGER NOT NULL,
  prepared_low    INTEGER NOT NULL,
  committed_count INTEGER NOT NULL,
  committed_high  INTEGER NOT NULL,
  committed_low   INTEGER NOT NULL,
  unspent_count   INTEGER NOT NULL,  -- committed and unspent
  unspent_high    INTEGER NOT NULL,
  unspent_low     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Triggers, so that no statement that writes deposits can forget them.
CREATE TRIGGER deposit_added AFTER INSERT ON deposit BEGIN
  INSERT INTO address_total VALUES (new.recipient, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    ON CONFLICT (key) DO NOTHING;
  UPDATE address_total SET
    prepared_count  = prepared_count  + (new.state = 0),
    prepared_high   = prepared_high   + (new.state = 0) * (new.amount >> 32),
    prepared_low    = prepared_low    + (new.state = 0) * (new.amount & 4294967295),
    committed_count = committed_count + (new.state = 2),
    committed_high  = committed_high  + (new.state = 2) * (new.amount >> 32),
    committed_low   = committed_low   + (new.state = 2) * (new.amount & 4294967295),
    unspent_count   = unspent_count   + (new.state = 2 AND new.spend = 0),
    unspent_high    = unspent_high    + (new.state = 2 AND new.spend = 0) * (new.amount >> 32),
    unspent_low     = unspent_low     + (new.state = 2 AND new.spend = 0) * (new.amount & 4294967295)
  WHERE key = new.recipient;
END;

CREATE TRIGGER deposit_moved AFTER UPDATE OF state, spend ON deposit
WHEN old.state <> new.state OR old.spend <> new.spend BEGIN
  UPDATE address_total SET
    prepared_count  = prepared_count  + (new.state = 0) - (old.state = 0),
    prepared_high   = prepared_high   + ((new.state = 0) - (old.state = 0)) * (new.amount >> 32),
    prepared_low    = prepared_low    + ((new.state = 0) - (old.state = 0)) * (new.amount & 4294967295),
    committed_count = committed_count + (new.state = 2) - (old.state = 2),
    committed_high  = committed_high  + ((new.state = 2) - (old.state = 2)) * (new.amount >> 32),
    committed_low   = committed_low   + ((new.state = 2) - (old.state = 2)) * (new.amount & 4294967295),
    unspent_count   = unspent_count
      + (new.state = 2 AND new.spend = 0) - (old.state = 2 AND old.spend = 0),
    unspent_high    = unspent_high
      + ((new.state = 2 AND new.spend = 0) - (old.state = 2 AND old.spend = 0)) * (new.amount >> 32),
    unspent_low     = unspent_low
      + ((new.state = 2 AND new.spend = 0) - (old.state = 2 AND old.spend = 0))
        * (new.amount & 4294967295)
  WHERE key = new.recipient;
END;

-- One row for each deposit.committed event: count, sum (high * 2^32 + low) and chained hash of all of
-- them up to this one. They go with their events.
CREATE TABLE checkpoint (
  seq   INTEGER PRIMARY KEY REFERENCES event (seq) ON DELETE CASCADE,
  count INTEGER NOT NULL,
  high  INTEGER NOT NULL,
  low   INTEGER NOT NULL,
  hash  BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;
