package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// progressPause is the time between two looks at how far a long work is: what a person sees as moving.
const progressPause = 100 * time.Millisecond

// Backup copies the store at dsn, as it is at one moment, into a new file, whether or not a node runs on it: readers do
// not make writers wait. The copy is compact, was checked from end to end, and can be opened like a store. It is there
// whole or not at all; a file that is there already is never replaced, and the error is fs.ErrExist then.
//
// told is called now and then with the bytes written and about how many there will be; it may be nil. The time of the
// backup is noted in the store for Figures; where that cannot be, log says so and the backup stands.
func Backup(ctx context.Context, dsn, to string, log *slog.Logger, told func(done, total int64)) error {
	if Shared(dsn) {
		return fmt.Errorf("back up store %s: %w: use pg_dump --format=custom, which copies it as it is at one moment, also beside a running node",
			redact(dsn), ErrElsewhere)
	}
	at, err := parseLocation(dsn)
	if err != nil {
		return err
	}
	if to, err = filepath.Abs(to); err != nil {
		return fmt.Errorf("back up store: %w", err)
	}
	if told == nil {
		told = func(int64, int64) {}
	}
	if err := backup(ctx, at, to, told); err != nil {
		return fmt.Errorf("back up store %s: %w", at, classify(err))
	}
	if err := noteBackup(ctx, at, Copy{to, time.Now()}); err != nil {
		log.Warn("The backup is good, but the store could not note it", "error", err)
	}
	return nil
}

func backup(ctx context.Context, at location, to string, told func(done, total int64)) error {
	if _, err := os.Lstat(to); err == nil {
		return &fs.PathError{Op: "make", Path: to, Err: fs.ErrExist} // before the work is done in vain
	}
	source, version, err := openSource(ctx, at)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // only read from

	// SQLite writes into an empty file, which is ours alone from the beginning: os.CreateTemp makes it with mode 0600.
	temp, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) //nolint:errcheck // gone already when all went well
	err = copyInto(ctx, source, temp.Name(), told)
	if err == nil {
		err = verifyCopy(ctx, location(temp.Name()), version)
	}
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), to); err != nil { // unlike a rename it replaces nothing
		return err
	}
	return syncDirectory(filepath.Dir(to))
}

// openSource opens a store of any schema, older and newer ones too: before an upgrade is when a backup is wanted most.
func openSource(ctx context.Context, at location) (*sql.DB, int64, error) {
	there, err := at.exists(ctx)
	if err != nil {
		return nil, 0, err
	}
	if !there {
		return nil, 0, fmt.Errorf("%w: there is no store yet, a node makes it when it starts", ErrNotFound)
	}
	// Read-only, but not query_only: that would keep VACUUM from writing the copy too.
	db, err := sql.Open("sqlite", at.uri(url.Values{"mode": {"ro"}, "_busy_timeout": {busyTimeout}}))
	if err != nil {
		return nil, 0, err
	}
	db.SetMaxOpenConns(2) // the copying one, and one for nothing but the version
	version, err := at.version(ctx, db)
	if err == nil && version == 0 {
		err = ErrForeign
	}
	if err != nil {
		return nil, 0, errors.Join(err, db.Close())
	}
	return db, version, nil
}

// copyInto writes the copy and tells how far it is by the file's size.
func copyInto(ctx context.Context, source *sql.DB, file string, told func(done, total int64)) error {
	var total int64
	err := source.QueryRowContext(ctx, `SELECT (p.page_count - l.freelist_count) * s.page_size
		FROM pragma_page_count p, pragma_page_size s, pragma_freelist_count l`).Scan(&total)
	if err != nil {
		return err
	}
	copied := make(chan error, 1) // buffered: nobody waits for it if told panics
	go func() {
		_, err := source.ExecContext(ctx, `VACUUM INTO $1`, file)
		copied <- err
	}()
	tick := time.NewTicker(progressPause)
	defer tick.Stop()
	for {
		select {
		case err := <-copied:
			if err == nil {
				told(total, total)
			}
			return err
		case <-tick.C:
			if info, err := os.Stat(file); err == nil {
				told(min(info.Size(), total), total)
			}
		}
	}
}

// verifyCopy reads the whole copy and looks for the schema it must have.
func verifyCopy(ctx context.Context, at location, want int64) (err error) {
	db, err := sql.Open("sqlite", at.readOnly())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := checkIntegrity(ctx, db); err != nil {
		return fmt.Errorf("check the copy: %w", err)
	}
	have, err := at.version(ctx, db)
	if err == nil && have != want {
		err = fmt.Errorf("%w: the copy has schema %d, the store %d", ErrCorrupt, have, want)
	}
	return err
}

// noteBackup writes the time and place of a backup into the store, beside a running node.
func noteBackup(ctx context.Context, at location, c Copy) (err error) {
	db, err := at.writer(ctx)
	if err != nil {
		return classify(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2), ($3, $4)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
		backupFile, text(c.File), backupTime, strconv.FormatInt(c.At.UnixNano(), 10))
	return classify(err)
}

// syncDirectory puts the names in a directory on the disk.
func syncDirectory(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the directory of a file the operator names
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
