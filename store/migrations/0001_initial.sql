-- Ids and keys are blobs as hashed; times are milliseconds since 1970, UTC; amounts are µSTG.
-- One-row tables have id = 1.

CREATE TABLE meta (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  network    TEXT    NOT NULL,
  genesis    BLOB    NOT NULL CHECK (length(genesis) = 32),
  created_at INTEGER NOT NULL
) STRICT;

-- The number of the last event. Updated in the transaction that writes the events, so that numbers
-- have no holes and none is used twice.
CREATE TABLE feed (
  id   INTEGER PRIMARY KEY CHECK (id = 1),
  feed TEXT    NOT NULL,
  head INTEGER NOT NULL
) STRICT;

-- Row counts that would otherwise take a scan to answer.
CREATE TABLE tally (
  id             INTEGER PRIMARY KEY CHECK (id = 1),
  addresses      INTEGER NOT NULL,
  public_outputs INTEGER NOT NULL,
  prepared       INTEGER NOT NULL,
  reverted       INTEGER NOT NULL,
  committed      INTEGER NOT NULL
) STRICT;

-- What the first macro block links to; empty until the first contact with a node.
CREATE TABLE started (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  first    INTEGER NOT NULL,
  previous BLOB    NOT NULL CHECK (length(previous) = 32)
) STRICT;

-- The final chain.
CREATE TABLE macro_block (
  epoch     INTEGER PRIMARY KEY,
  hash      BLOB    NOT NULL CHECK (length(hash) = 32),
  previous  BLOB    NOT NULL CHECK (length(previous) = 32),
  time      INTEGER NOT NULL,
  sealed_at INTEGER NOT NULL,
  inputs    INTEGER NOT NULL,
  outputs   INTEGER NOT NULL
) STRICT;

-- Apart, so that the rows above stay small: they are read at every start.
CREATE TABLE macro_evidence (
  epoch    INTEGER PRIMARY KEY REFERENCES macro_block (epoch),
  evidence BLOB NOT NULL
) STRICT;

-- The current epoch: its micro blocks, held ones included, and what each creates and spends.
-- `place` runs through a block in transaction order, the inputs of a transaction before its
-- outputs.
CREATE TABLE micro_block (
  "offset"  INTEGER PRIMARY KEY,
  hash      BLOB    NOT NULL CHECK (length(hash) = 32),
  previous  BLOB    NOT NULL CHECK (length(previous) = 32),
  time      INTEGER NOT NULL,
  held      INTEGER NOT NULL CHECK (held IN (0, 1))
) STRICT;

CREATE TABLE micro_output (
  "offset"  INTEGER NOT NULL REFERENCES micro_block ("offset"),
  place     INTEGER NOT NULL,
  utxo      BLOB    NOT NULL CHECK (length(utxo) = 32),
  recipient BLOB    NOT NULL CHECK (length(recipient) = 32),
  serno     INTEGER NOT NULL,
  amount    INTEGER NOT NULL,
  tx_hash   BLOB    CHECK (length(tx_hash) = 32),
  PRIMARY KEY ("offset", place)
) STRICT, WITHOUT ROWID;
CREATE INDEX micro_output_utxo ON micro_output (utxo);
CREATE INDEX micro_output_recipient ON micro_output (recipient);

CREATE TABLE micro_input (
  "offset"  INTEGER NOT NULL REFERENCES micro_block ("offset"),
  place     INTEGER NOT NULL,
  utxo      BLOB    NOT NULL CHECK (length(utxo) = 32),
  PRIMARY KEY ("offset", place)
) STRICT, WITHOUT ROWID;
CREATE INDEX micro_input_utxo ON micro_input (utxo);

-- Every public payment seen in a micro block of the current epoch, also of blocks that are gone:
-- when and in what it was first seen, and where it was last.
CREATE TABLE micro_sight (
  utxo       BLOB    PRIMARY KEY CHECK (length(utxo) = 32),
  "offset"   INTEGER NOT NULL,
  tx_hash    BLOB    CHECK (length(tx_hash) = 32),
  block_time INTEGER NOT NULL,
  first_seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- All public payments of the final chain, watched or not: an address registered late still gets its
-- whole history. Appended, never changed but for spent_epoch.
CREATE TABLE public_output (
  id          INTEGER PRIMARY KEY,
  utxo        BLOB    NOT NULL CHECK (length(utxo) = 32),
  epoch       INTEGER NOT NULL REFERENCES macro_block (epoch),
  recipient   BLOB    NOT NULL CHECK (length(recipient) = 32),
  serno       INTEGER NOT NULL,
  amount      INTEGER NOT NULL,
  "offset"    INTEGER,
  tx_hash     BLOB    CHECK (length(tx_hash) = 32),
  block_time  INTEGER NOT NULL,
  first_seen  INTEGER NOT NULL,
  spent_epoch INTEGER
) STRICT;
CREATE INDEX public_output_utxo ON public_output (utxo);
CREATE INDEX public_output_recipient ON public_output (recipient);

CREATE TABLE address (
  key        BLOB    PRIMARY KEY CHECK (length(key) = 32),
  reference  TEXT,
  label      TEXT,
  retired    INTEGER NOT NULL CHECK (retired IN (0, 1)),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX address_reference ON address (reference, key) WHERE reference IS NOT NULL;

-- rank_epoch and rank_place ascend from the newest to the oldest (macro-only last within an epoch),
-- so that a page of the list is one range of an index.
CREATE TABLE deposit (
  id           INTEGER PRIMARY KEY,
  utxo         BLOB    NOT NULL CHECK (length(utxo) = 32),
  epoch        INTEGER NOT NULL,
  recipient    BLOB    NOT NULL REFERENCES address (key),
  serno        INTEGER NOT NULL,
  amount       INTEGER NOT NULL,
  state        INTEGER NOT NULL CHECK (state IN (0, 1, 2)),  -- prepared, reverted, committed
  spend        INTEGER NOT NULL CHECK (spend IN (0, 1, 2)),  -- unspent, spend_prepared, spent
  "offset"     INTEGER,
  block_hash   BLOB    NOT NULL CHECK (length(block_hash) = 32),
  tx_hash      BLOB    CHECK (length(tx_hash) = 32),
  block_time   INTEGER NOT NULL,
  first_seen   INTEGER NOT NULL,
  committed_at INTEGER,
  retired      INTEGER NOT NULL CHECK (retired IN (0, 1)),
  rank_epoch   INTEGER NOT NULL AS (-epoch) VIRTUAL,
  rank_place   INTEGER NOT NULL AS (ifnull(-"offset", 1)) VIRTUAL,
  UNIQUE (utxo, epoch),
  CHECK ((state = 2) = (committed_at IS NOT NULL))
) STRICT;
CREATE INDEX deposit_newest ON deposit (rank_epoch, rank_place, utxo);
CREATE INDEX deposit_recipient ON deposit (recipient, rank_epoch, rank_place, utxo);
CREATE INDEX deposit_state ON deposit (state, rank_epoch, rank_place, utxo);
CREATE INDEX deposit_spend ON deposit (spend, rank_epoch, rank_place, utxo);

-- The feed. `json` is the whole event as every consumer gets it.
CREATE TABLE event (
  seq   INTEGER PRIMARY KEY,
  type  TEXT    NOT NULL,
  at    INTEGER NOT NULL,
  utxo  BLOB    CHECK (length(utxo) = 32),
  epoch INTEGER,
  json  TEXT    NOT NULL
) STRICT;
CREATE INDEX event_deposit ON event (utxo, epoch) WHERE utxo IS NOT NULL;

CREATE TABLE violation (
  id         INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  kind       INTEGER NOT NULL CHECK (kind IN (0, 1)),  -- macro_block, genesis
  epoch      INTEGER NOT NULL,
  stored     BLOB    NOT NULL CHECK (length(stored) = 32),
  shown      BLOB    NOT NULL CHECK (length(shown) = 32),
  node       TEXT    NOT NULL,
  cleared_at INTEGER,
  cleared_by TEXT,
  reason     TEXT
) STRICT;
CREATE INDEX violation_open ON violation (id) WHERE cleared_at IS NULL;
