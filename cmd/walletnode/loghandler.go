package main

import (
	"context"
	"encoding"
	"fmt"
	"log/slog"
)

// plainValues is a slog.Handler that hands values on as go-log's bridge can show them: an error or anything with a text of
// its own as that text (the bridge would reflect on it and show {}), and every text fit for a terminal, because parts of
// it come from peers and endpoints.
type plainValues struct{ slog.Handler }

// Handle implements slog.Handler.
func (h plainValues) Handle(ctx context.Context, r slog.Record) error {
	plain := slog.NewRecord(r.Time, r.Level, printable(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		plain.AddAttrs(plainAttr(a))
		return true
	})
	return h.Handler.Handle(ctx, plain)
}

// WithAttrs implements slog.Handler.
func (h plainValues) WithAttrs(attrs []slog.Attr) slog.Handler {
	plain := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		plain[i] = plainAttr(a)
	}
	return plainValues{h.Handler.WithAttrs(plain)}
}

// WithGroup implements slog.Handler.
func (h plainValues) WithGroup(name string) slog.Handler {
	return plainValues{h.Handler.WithGroup(name)}
}

func plainAttr(a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	switch a.Value.Kind() {
	case slog.KindString:
		return slog.String(a.Key, printable(a.Value.String()))
	case slog.KindGroup:
		group := a.Value.Group()
		plain := make([]any, len(group))
		for i, member := range group {
			plain[i] = plainAttr(member)
		}
		return slog.Group(a.Key, plain...)
	case slog.KindAny:
		if text, ok := textOf(a.Value.Any()); ok {
			return slog.String(a.Key, printable(text))
		}
	default:
	}
	return a
}

// textOf returns the text that a value has of its own.
func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case error:
		return v.Error(), true
	case fmt.Stringer:
		return v.String(), true
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		return string(text), err == nil
	default:
		return "", false
	}
}
