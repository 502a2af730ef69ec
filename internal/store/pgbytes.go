package store

import (
	"context"
	"database/sql/driver"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
)

// Bytes go over the wire as they are. A statement that is sent with its parameters at once has pgx write them as text, in hex, for it does
// not know the parameters' types then; and what the server is not asked for otherwise it writes so, too. That is twice as long, and copied three times.

// maxForms bounds the queries whose columns are remembered: texts are from this program, and a few hundred.
const maxForms = 512

// formOf writes arguments as they are sent.
func formOf(types *pgtype.Map, args []driver.NamedValue) (form pgx.ExtendedQueryBuilder, err error) {
	plain := make([]any, len(args)) // those that are bytes are left out here
	for i := range args {
		if _, raw := args[i].Value.([]byte); !raw {
			plain[i] = args[i].Value
		}
	}
	if err := form.Build(types, nil, plain); err != nil {
		return form, err
	}
	for i := range args {
		if raw, ok := args[i].Value.([]byte); ok {
			form.ParamValues[i], form.ParamFormats[i] = raw, pgx.BinaryFormatCode
		}
	}
	return form, nil
}

// exec runs a statement some of whose arguments are bytes.
func (l *link) exec(ctx context.Context, statement string, args []driver.NamedValue) (driver.Result, error) {
	conn := l.Conn.Conn()
	if conn.IsClosed() {
		return nil, driver.ErrBadConn
	}
	form, err := formOf(conn.TypeMap(), args)
	if err != nil {
		return nil, err
	}
	tag, err := conn.PgConn().ExecParams(ctx, statement, form.ParamValues, nil, form.ParamFormats, nil).Close()
	if err != nil && pgconn.SafeToRetry(err) {
		return nil, driver.ErrBadConn
	}
	return driver.RowsAffected(tag.RowsAffected()), err
}

// hasBytes is whether an argument is bytes.
func hasBytes(args []driver.NamedValue) bool {
	return slices.ContainsFunc(args, func(a driver.NamedValue) bool {
		_, raw := a.Value.([]byte)
		return raw
	})
}

// forms are how the columns of queries are to come, as earlier answers have shown; of all connections, for these come and go.
type forms struct {
	mu sync.Mutex
	of map[string]pgx.QueryResultFormats // nil of a query that has no bytes
}

func (f *forms) find(query string) (pgx.QueryResultFormats, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	form, known := f.of[query]
	return form, known
}

func (f *forms) remember(query string, form pgx.QueryResultFormats) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.of) >= maxForms || f.of == nil {
		f.of = make(map[string]pgx.QueryResultFormats)
	}
	f.of[query] = form
}

// formsOf asks for those columns as they are that are bytes; nil if none is.
func formsOf(columns int, isBytes func(column int) bool) (forms pgx.QueryResultFormats) {
	for i := range columns {
		if isBytes(i) {
			if forms == nil {
				forms = make(pgx.QueryResultFormats, columns)
			}
			forms[i] = pgx.BinaryFormatCode
		}
	}
	return forms
}

// query runs a query, and has the columns come as bytes of which an earlier run has shown that they are. The answer says how each column was
// written, so that a type that changed meanwhile misleads nobody.
func (l *link) query(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	form, known := l.forms.find(query)
	if form != nil {
		args = append([]driver.NamedValue{{Value: form}}, args...)
	}
	found, err := l.Conn.QueryContext(ctx, query, args)
	if err != nil || known {
		return found, err
	}
	if typed, ok := found.(*stdlib.Rows); ok {
		l.forms.remember(query, formsOf(len(found.Columns()), func(i int) bool { return typed.ColumnTypeDatabaseTypeName(i) == "BYTEA" }))
	}
	return found, nil
}
