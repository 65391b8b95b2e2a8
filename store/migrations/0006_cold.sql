-- Bundles, reservations and relayed transactions.

CREATE TABLE bundle (
  row        INTEGER PRIMARY KEY,
  id         TEXT    NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  manifest   BLOB    NOT NULL CHECK (length(manifest) = 32),
  document   TEXT    NOT NULL  -- JSON members that every answer has after `id` and `state`
) STRICT;

CREATE TABLE bundle_request (
  bundle  INTEGER NOT NULL REFERENCES bundle (row),
  request INTEGER NOT NULL,
  state   INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),  -- relayed, open, spent, released, expired
  tx_hash BLOB    CHECK (length(tx_hash) = 32),            -- the last one relayed
  PRIMARY KEY (bundle, request),
  CHECK (state <> 0 OR tx_hash IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- An active row is the reservation of its output. `until` is when the bundle expires, and the end
-- of time once it is relayed.
CREATE TABLE bundle_input (
  bundle  INTEGER NOT NULL,
  request INTEGER NOT NULL,
  place   INTEGER NOT NULL,
  utxo    BLOB    NOT NULL CHECK (length(utxo) = 32),
  epoch   INTEGER NOT NULL,
  active  INTEGER NOT NULL CHECK (active IN (0, 1)),
  until   INTEGER NOT NULL,
  PRIMARY KEY (bundle, request, place),
  FOREIGN KEY (bundle, request) REFERENCES bundle_request (bundle, request),
  FOREIGN KEY (utxo, epoch) REFERENCES deposit (utxo, epoch)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX bundle_input_reserved ON bundle_input (utxo) WHERE active = 1;
CREATE INDEX bundle_input_until ON bundle_input (until) WHERE active = 1;
CREATE INDEX bundle_input_utxo ON bundle_input (utxo);

CREATE TABLE bundle_output (
  bundle    INTEGER NOT NULL,
  request   INTEGER NOT NULL,
  place     INTEGER NOT NULL,
  recipient BLOB    NOT NULL CHECK (length(recipient) = 32),
  amount    INTEGER NOT NULL CHECK (amount > 0),
  PRIMARY KEY (bundle, request, place),
  FOREIGN KEY (bundle, request) REFERENCES bundle_request (bundle, request)
) STRICT, WITHOUT ROWID;

-- Inputs of relayed transactions that may still be spent by them. Several transactions may want the
-- same one.
CREATE TABLE relayed_input (
  utxo    BLOB NOT NULL CHECK (length(utxo) = 32),
  tx_hash BLOB NOT NULL CHECK (length(tx_hash) = 32),
  PRIMARY KEY (utxo, tx_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX relayed_input_tx ON relayed_input (tx_hash);

-- What can be spent, by amount: of one key, and of all.
CREATE INDEX deposit_coin ON deposit (recipient, amount) WHERE state = 2 AND spend = 0;
CREATE INDEX deposit_amount ON deposit (amount) WHERE state = 2 AND spend = 0;

-- Transactions that were given to us signed, in the order in which they came. `before` is what a
-- prepared one was and will be again when its block goes.
CREATE TABLE relayed_tx (
  id         INTEGER PRIMARY KEY,
  hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
  data       BLOB    NOT NULL,  -- sent as it came, every time
  -- created, accepted, rejected, unknown, prepared, committed, conflicted
  state      INTEGER NOT NULL CHECK (state BETWEEN 0 AND 6),
  before     INTEGER CHECK (before BETWEEN 0 AND 3),
  error      TEXT,
  warning    TEXT,
  fee        INTEGER NOT NULL,
  epoch      INTEGER,
  "offset"   INTEGER,
  attempts   INTEGER NOT NULL,
  bundle     TEXT,
  created_at INTEGER NOT NULL,
  CHECK ((state = 4) = (before IS NOT NULL))
) STRICT;
CREATE INDEX relayed_tx_open ON relayed_tx (id) WHERE state < 5;
CREATE INDEX relayed_tx_state ON relayed_tx (state, id);

CREATE TABLE relayed_tx_input (
  tx    INTEGER NOT NULL REFERENCES relayed_tx (id),
  place INTEGER NOT NULL,
  utxo  BLOB    NOT NULL CHECK (length(utxo) = 32),
  PRIMARY KEY (tx, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX relayed_tx_input_utxo ON relayed_tx_input (utxo);

CREATE TABLE relayed_tx_output (
  tx        INTEGER NOT NULL REFERENCES relayed_tx (id),
  place     INTEGER NOT NULL,
  utxo      BLOB    NOT NULL CHECK (length(utxo) = 32),
  recipient BLOB    CHECK (length(recipient) = 32),  -- both empty where private
  amount    INTEGER,
  PRIMARY KEY (tx, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX relayed_tx_output_utxo ON relayed_tx_output (utxo);
