package daemon

import (
	"cmp"
	"errors"
	"fmt"
	stdnet "net"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/secretfile"
)

// SettingsFile is the name of the settings in a signer's directory.
const SettingsFile = "signer.toml"

// maxSettings bounds the file.
const maxSettings = 4 << 20

// Settings is a signer's configuration. Paths in the file may be relative to it.
type Settings struct {
	Listen       string       `toml:"listen"`        // host:port
	Certificate  string       `toml:"certificate"`   // file
	Key          string       `toml:"key"`           // file of the certificate's key
	Vault        string       `toml:"vault"`         // directory of key shares and of what protects them
	PasswordFile string       `toml:"password_file"` // what the shares are encrypted with
	Capacity     int          `toml:"capacity"`      // greatest number of keys; 0 for no limit
	BlockTime    Duration     `toml:"block_time"`    // shortest time between two blocks of the chain
	Clients      []Permission `toml:"clients"`
	Feed         FeedSettings `toml:"feed"`
}

// FeedSettings are the signer's own way to leaders' messages: which mailbox of the operator's feed has them.
type FeedSettings struct {
	// Mode is FeedOn, or FeedOff: nothing else may be said then. Nothing but these words makes a signer that takes the node's word.
	Mode      string         `toml:"mode"`
	URLs      []string       `toml:"urls"`       // of instances to begin with: scheme, host and port
	Operator  chain.Operator `toml:"operator"`   // who signs the list of instances and the list of their keys
	Mailbox   string         `toml:"mailbox"`    // its name
	TokenFile string         `toml:"token_file"` // what the instances are shown
	CAFile    string         `toml:"ca_file"`    // certificates that the instances' are held against; empty: the system's
	State     string         `toml:"state"`      // directory of the place in the mailbox
	Peers     []FeedPeer     `toml:"peers"`      // other signers of the operator, with whose mailboxes this one's is compared
	Wait      Duration       `toml:"wait"`       // how long a leader's message may come after it is asked for
}

// Modes of a signer's feed.
const (
	FeedOn  = "on"
	FeedOff = "off" // the node's word is taken for what leaders say
)

// Defaults of FeedSettings.
const (
	defaultFeedState = "feed"
	defaultFeedWait  = Duration(5 * time.Second)
)

// Duration stands in the file as text, such as "12s".
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// ReadSettings reads a file that its owner alone may write to and read, since it decides who may sign. Unknown keys and
// missing ones are errors; what only the operator can mend is secretfile.Unusable.
func ReadSettings(path string) (Settings, Access, error) {
	raw, err := secretfile.Read("signer's settings", path, maxSettings)
	if err != nil {
		return Settings{}, Access{}, err
	}
	s, access, err := ParseSettings(raw)
	if err != nil {
		return Settings{}, Access{}, secretfile.Unusable{Err: fmt.Errorf("signer's settings: %s: %w", path, err)}
	}
	for _, file := range []*string{&s.Certificate, &s.Key, &s.Vault, &s.PasswordFile, &s.Feed.TokenFile, &s.Feed.CAFile, &s.Feed.State} {
		if *file != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(filepath.Dir(path), *file)
		}
	}
	return s, access, nil
}

// ParseSettings reads the file's content, paths as they stand there.
func ParseSettings(raw []byte) (Settings, Access, error) {
	s := Settings{
		Listen: "127.0.0.1:9720", Certificate: "signer.crt", Key: "signer.key", Vault: "vault", PasswordFile: "password",
		BlockTime: Duration(12 * time.Second), // Ethereum's
		Feed:      FeedSettings{Mode: FeedOn},
	}
	decoder := toml.NewDecoder(strings.NewReader(string(raw))).DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		var unknown *toml.StrictMissingError
		if errors.As(err, &unknown) {
			return Settings{}, Access{}, unknownKeys(unknown)
		}
		var wrong *toml.DecodeError
		if errors.As(err, &wrong) {
			row, _ := wrong.Position()
			return Settings{}, Access{}, fmt.Errorf("line %d: %w", row, err)
		}
		return Settings{}, Access{}, err
	}
	if s.Feed.Mode == FeedOn {
		s.Feed.State, s.Feed.Wait = cmp.Or(s.Feed.State, defaultFeedState), cmp.Or(s.Feed.Wait, defaultFeedWait)
	}
	access, err := NewAccess(s.Clients)
	return s, access, errors.Join(s.check(), err)
}

func unknownKeys(unknown *toml.StrictMissingError) error {
	complaints := make([]error, len(unknown.Errors))
	for i, e := range unknown.Errors {
		row, _ := e.Position()
		complaints[i] = fmt.Errorf("line %d: there is no key %q", row, strings.Join(e.Key(), "."))
	}
	return errors.Join(complaints...)
}

// check joins every complaint.
func (s Settings) check() error {
	var complaints []error
	if _, port, err := stdnet.SplitHostPort(s.Listen); err != nil || port == "" {
		complaints = append(complaints, fmt.Errorf("listen: %q: want a host and a port like 10.0.0.7:9720", s.Listen))
	}
	for _, path := range []struct{ key, value string }{
		{"certificate", s.Certificate}, {"key", s.Key}, {"vault", s.Vault}, {"password_file", s.PasswordFile},
	} {
		if path.value == "" {
			complaints = append(complaints, fmt.Errorf("%s: want a path", path.key))
		}
	}
	if s.Capacity < 0 {
		complaints = append(complaints, fmt.Errorf("capacity: want 0 or more, have %d", s.Capacity))
	}
	if s.BlockTime <= 0 {
		complaints = append(complaints, errors.New("block_time: want more than nothing"))
	}
	return errors.Join(append(complaints, s.Feed.check())...)
}

// check joins every complaint.
func (f FeedSettings) check() error {
	switch f.Mode {
	case FeedOn:
	case FeedOff:
		f.Mode = ""
		if !reflect.DeepEqual(f, FeedSettings{}) {
			return fmt.Errorf("feed: where mode is %q nothing else may be said", FeedOff)
		}
		return nil
	default:
		return fmt.Errorf("feed.mode: want %q or %q, have %.40q", FeedOn, FeedOff, f.Mode)
	}
	var complaints []error
	if len(f.URLs) == 0 {
		complaints = append(complaints, fmt.Errorf("feed.urls: want where the operator's instances are reached; or feed.mode = %q, and the node's word is taken", FeedOff))
	}
	if f.Operator.IsZero() {
		complaints = append(complaints, errors.New("feed.operator: want the operator's address, whose word on the instances' keys is believed"))
	}
	if f.Mailbox == "" {
		complaints = append(complaints, errors.New("feed.mailbox: want signer. and the signer's id, as the node's configuration has it"))
	}
	if len(f.Peers) > maxPeers {
		complaints = append(complaints, fmt.Errorf("feed.peers: want at most %d", maxPeers))
	}
	for _, p := range f.Peers {
		complaints = append(complaints, p.check())
	}
	if f.Wait < 0 || f.Wait > Duration(time.Minute) {
		complaints = append(complaints, errors.New("feed.wait: want at most 1m"))
	}
	return errors.Join(complaints...)
}

// SameButClients reports whether nothing differs that a running signer could not take over.
func (s Settings) SameButClients(other Settings) bool {
	s.Clients, other.Clients = nil, nil
	return reflect.DeepEqual(s, other)
}
