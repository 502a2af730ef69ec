package daemon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"time"

	"github.com/walletnode/walletnode/internal/secretfile"
)

// maxPEM bounds the files of certificates and keys.
const maxPEM = 64 << 10

// endOfTime is the date that RFC 5280 has for certificates without an end: a key is taken back by striking its fingerprint
// from a list, and a service that stops on a date nobody remembers guards nothing.
var endOfTime = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// MakeCertificate makes a P-256 key and a certificate that the key signs itself, in two new files that only their owner may
// read, and returns the key's fingerprint. Files that are there are not replaced.
func MakeCertificate(name, certificateFile, keyFile string) (Fingerprint, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Fingerprint{}, fmt.Errorf("make key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return Fingerprint{}, fmt.Errorf("make serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Unix(0, 0).UTC(), NotAfter: endOfTime, // nobody looks: clocks may be wrong, the key counts
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return Fingerprint{}, fmt.Errorf("make certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Fingerprint{}, fmt.Errorf("encode key: %w", err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		return Fingerprint{}, fmt.Errorf("read certificate: %w", err)
	}
	// The key first: a certificate without its key is of no use to anybody.
	if err := writeNew(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})); err != nil {
		return Fingerprint{}, fmt.Errorf("write key: %w", err)
	}
	if err := writeNew(certificateFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})); err != nil {
		return Fingerprint{}, errors.Join(fmt.Errorf("write certificate: %w", err), os.Remove(keyFile))
	}
	return fingerprintOf(made), nil
}

// writeNew writes a new file that its owner alone may read, whole or not at all.
func writeNew(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// Identity is a certificate with its key.
type Identity struct {
	Certificate tls.Certificate
	Fingerprint Fingerprint
}

// LoadIdentity reads a certificate and its key (PEM). The key's file must be its owner's alone. What only the operator can
// mend is secretfile.Unusable.
func LoadIdentity(certificateFile, keyFile string) (Identity, error) {
	public, _, err := secretfile.ReadAny("certificate", certificateFile, maxPEM)
	if err != nil {
		return Identity{}, err
	}
	secret, err := secretfile.Read("certificate's key", keyFile, maxPEM)
	if err != nil {
		return Identity{}, err
	}
	pair, err := tls.X509KeyPair(public, secret)
	if err != nil {
		return Identity{}, secretfile.Unusable{Err: fmt.Errorf("read certificate %s and key %s: %w", certificateFile, keyFile, err)}
	}
	return Identity{pair, fingerprintOf(pair.Leaf)}, nil
}

// serverTLS demands a certificate of whoever connects, and that admit knows its key.
func serverTLS(id Identity, admit func(Fingerprint) error) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{id.Certificate},
		ClientAuth: tls.RequireAnyClientCert, NextProtos: []string{"h2", "http/1.1"},
		SessionTicketsDisabled: true, // each connection proves its key
		VerifyConnection:       func(state tls.ConnectionState) error { return admit(fingerprintOf(state.PeerCertificates[0])) },
	}
}

// clientTLS accepts one key of a server, whoever signed its certificate.
func clientTLS(id Identity, server Fingerprint) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"},
		// Demanded by the server whatever it says about authorities, so no choice is made by them.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &id.Certificate, nil },
		InsecureSkipVerify:   true, //nolint:gosec // instead of an authority's word the key itself is compared, below
		VerifyConnection: func(state tls.ConnectionState) error {
			if have := fingerprintOf(state.PeerCertificates[0]); have != server {
				return fmt.Errorf("%w: its fingerprint is %v, the pinned one %v", ErrOtherBackend, have, server)
			}
			return nil
		},
	}
}

// ReadFingerprint reads a certificate (PEM), whoever may open its file, and returns its key's fingerprint.
func ReadFingerprint(certificate io.Reader) (Fingerprint, error) {
	text, err := io.ReadAll(io.LimitReader(certificate, maxPEM))
	if err != nil {
		return Fingerprint{}, fmt.Errorf("read certificate: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return Fingerprint{}, errors.New("read certificate: this is no certificate in PEM form")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return Fingerprint{}, fmt.Errorf("read certificate: %w", err)
	}
	return fingerprintOf(parsed), nil
}
