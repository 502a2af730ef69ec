package daemon

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
)

// Fingerprint names a certificate's key: SHA-256 of its SubjectPublicKeyInfo (RFC 5280). A certificate that is made anew for
// the same key has the same one. The zero value is nobody's.
type Fingerprint [sha256.Size]byte

// fingerprintOf returns the fingerprint of a certificate's key.
func fingerprintOf(certificate *x509.Certificate) Fingerprint {
	return sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
}

// ParseFingerprint reads 64 hex digits.
func ParseFingerprint(s string) (Fingerprint, error) {
	var f Fingerprint
	err := f.UnmarshalText([]byte(s))
	return f, err
}

// String returns 64 lower-case hex digits.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// IsZero reports whether it is nobody's.
func (f Fingerprint) IsZero() bool { return f == Fingerprint{} }

// MarshalText implements encoding.TextMarshaler with the form of String.
func (f Fingerprint) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText accepts 64 hex digits.
func (f *Fingerprint) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(f) {
		return fmt.Errorf("fingerprint: %.80q is not 64 hex digits (SHA-256 of the certificate's public key)", text)
	}
	copy(f[:], raw)
	return nil
}
