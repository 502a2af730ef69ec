package proposal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/walletnode/walletnode/chain"
)

// maxFeeDigits bounds the decimal digits of a fee in JSON, because reading them costs the square of their number:
// 100 000 take about 15 ms. No fee that pays for anything has 20.
const maxFeeDigits = 100_000

// decodeObject reads a JSON object into the struct that dst points to. Unlike encoding/json it demands every field
// whose tag has no omitempty, in the exact spelling, once, and not null; it refuses all others but the ignored.
func decodeObject(data []byte, dst any, ignored ...string) error {
	fields, err := readObject(data)
	if err != nil {
		return err
	}
	into := reflect.ValueOf(dst).Elem()
	for i := range into.NumField() {
		name, option, _ := strings.Cut(into.Type().Field(i).Tag.Get("json"), ",")
		value, ok := fields[name]
		if !ok && option != "omitempty" {
			return fmt.Errorf("field %q is missing", name)
		}
		if !ok {
			continue
		}
		if bytes.Equal(value, []byte("null")) {
			return fmt.Errorf("field %q is null", name)
		}
		if err := json.Unmarshal(value, into.Field(i).Addr().Interface()); err != nil {
			return fmt.Errorf("field %q: %w", name, err)
		}
		delete(fields, name)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(ignored, name) {
			return fmt.Errorf("unknown field %.40q", name)
		}
	}
	return nil
}

// readObject splits a JSON object into its fields.
func readObject(data []byte) (map[string]json.RawMessage, error) {
	in := json.NewDecoder(bytes.NewReader(data))
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	fields := make(map[string]json.RawMessage)
	for in.More() {
		token, err := in.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // inside an object the decoder gives nothing else here
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return nil, err
		}
		if _, twice := fields[name]; twice {
			return nil, fmt.Errorf("field %.40q stands twice", name)
		}
		fields[name] = value
	}
	if _, err := in.Token(); err != nil {
		return nil, err
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON object")
	}
	return fields, nil
}

// Texts of values inside the JSON forms: hex without 0x, numbers too large for JSON as decimal strings. Each refuses
// null, which encoding/json would take for the zero value.
type (
	hexBytes     []byte
	hexWallet    chain.WalletID
	hexTxHash    TxHash
	hexMessage   [16]byte
	decimalInt64 int64
	decimalFee   struct{ *big.Int }
)

// MarshalText implements encoding.TextMarshaler.
func (b hexBytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, b), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (b *hexBytes) UnmarshalJSON(data []byte) (err error) {
	*b, err = parseHex(data)
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (w hexWallet) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, w[:]), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (w *hexWallet) UnmarshalJSON(data []byte) error { return parseFixedHex(w[:], data) }

// MarshalText implements encoding.TextMarshaler.
func (h hexTxHash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (h *hexTxHash) UnmarshalJSON(data []byte) error { return parseFixedHex(h[:], data) }

// MarshalText implements encoding.TextMarshaler.
func (m hexMessage) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, m[:]), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (m *hexMessage) UnmarshalJSON(data []byte) error { return parseFixedHex(m[:], data) }

// MarshalText implements encoding.TextMarshaler.
func (n decimalInt64) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(n), 10), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (n *decimalInt64) UnmarshalJSON(data []byte) error {
	s, err := unquote(data)
	if err != nil {
		return err
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strconv.FormatInt(v, 10) != s {
		return fmt.Errorf("%.40q is not a 64-bit number", s)
	}
	*n = decimalInt64(v)
	return nil
}

// MarshalJSON implements json.Marshaler; it stands in the way of big.Int's own, which writes a number.
func (f decimalFee) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, f.String()), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (f *decimalFee) UnmarshalJSON(data []byte) error {
	s, err := unquote(data)
	if err != nil {
		return err
	}
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return fmt.Errorf("%.40q is not a whole number of satoshi", s)
	}
	if len(s) > maxFeeDigits {
		return fmt.Errorf("fee of %d digits", len(s))
	}
	f.Int, _ = new(big.Int).SetString(s, 10) // digits alone: it cannot fail
	return nil
}

func parseHex(data []byte) ([]byte, error) {
	s, err := unquote(data)
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(s)
}

func parseFixedHex(dst, data []byte) error {
	b, err := parseHex(data)
	if err != nil {
		return err
	}
	if len(b) != len(dst) {
		return fmt.Errorf("%d bytes, want %d", len(b), len(dst))
	}
	copy(dst, b)
	return nil
}

// unquote reads a JSON string; nothing else.
func unquote(data []byte) (string, error) {
	if len(data) == 0 || data[0] != '"' {
		return "", fmt.Errorf("%.40s is not a string", data)
	}
	var s string
	err := json.Unmarshal(data, &s)
	return s, err
}
