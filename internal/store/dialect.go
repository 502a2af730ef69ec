package store

// dialect is what the engines spell differently within a statement; everything else of one is the same.
type dialect struct {
	// now is the database's clock in microseconds of the Unix epoch, at the moment at which it is evaluated and not that of
	// the transaction's begin: a row lock may have been waited for since. What it is compared with was written by it too:
	// two machines' clocks are never compared.
	now string
	// lock ends a SELECT whose rows stay this transaction's until it ends. SQLite has one writer at a time, and needs none.
	lock string
	// generation names the unbroken history that the database is in at present (cluster.Generation).
	generation string
}

var (
	embeddedDialect = dialect{
		now:        `CAST(unixepoch('subsec') * 1000000 AS BIGINT)`,
		generation: `'file'`,
	}
	remoteDialect = dialect{
		now:        `CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`,
		lock:       ` FOR UPDATE`,
		generation: `(SELECT system_identifier || ':' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) FROM pg_control_system())`,
	}
)

func (location) dialect() dialect { return embeddedDialect }

func (*remote) dialect() dialect { return remoteDialect }
