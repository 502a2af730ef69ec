package store

import (
	"path/filepath"
	"testing"
)

func FuzzLocation(f *testing.F) {
	for _, dsn := range []string{"", "sqlite:", "sqlite:/a/b.db", "/a/directory", "postgres://u:p@h/db", "sqlite:file:x?mode=memory", "sqlite:\x00"} {
		f.Add(dsn)
	}
	f.Fuzz(func(t *testing.T, dsn string) {
		at, err := parseLocation(dsn)
		if err == nil && !filepath.IsAbs(string(at)) {
			t.Errorf("%q is a location that depends on where the node was started", dsn)
		}
	})
}
