package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// What a Config leaves open.
const (
	defaultBlockTime = 12 * time.Second // Ethereum's
	// defaultRate holds the seven attempts that fit between a window's end and its signing deadline, for ten inputs.
	defaultRate = 70
	// defaultFeeCap is the greatest total fee that tBTC's Bridge lets a redemption have.
	defaultFeeCap = 1_000_000
	// maxSessions is how many sessions can be open at once: each of 1000 wallets signs twice at a time. What comes beyond is
	// ErrBusy.
	maxSessions = 2048
	// sessionIdle is after how long a session that nobody asks about loses its secrets. All rounds of an attempt take place
	// within 30 blocks; a key generation waits for its slowest operator.
	sessionIdle = 30 * time.Minute
	sweepPause  = time.Minute // from one look for idle sessions to the next
	// defaultWait: a leader's message is told when it is heard, and signed for 95 blocks later.
	defaultWait = 5 * time.Second
)

// Config is what a vault needs; Dir and PasswordFile are required.
type Config struct {
	Dir          string        // made if it does not exist; nobody else may enter it
	PasswordFile string        // its owner alone may read it; one newline at its end does not count
	Version      string        // of the program, as Health tells it
	Capacity     int           // greatest number of keys; 0 for no limit
	BlockTime    time.Duration // the shortest regular time between two blocks; 0 for Ethereum's 12 s
	Rate         int           // greatest number of sessions in one window of one wallet; 0 for 70
	FeeCap       int64         // greatest fee of one transaction in satoshi; 0 for 1 000 000, the Bridge's
	// Work is the binary logarithm of scrypt's cost when a new vault's master key, or an export, is encrypted: 10 to 22;
	// 0 for 18, about a second and 256 MiB. A low one is for passwords that were drawn at random.
	Work int
	Now  func() time.Time // nil for the machine's clock
	// Mailbox is where leaders' messages come from, in place of the node's word; nil if there is none.
	Mailbox Mailbox
	// Wait is how long a leader's message may come after it is asked for; 0 for 5 s.
	Wait time.Duration
}

func (c Config) validate() (Config, error) {
	var errs []error
	if c.Dir == "" || c.PasswordFile == "" {
		errs = append(errs, errors.New("vault: directory or password file is missing"))
	}
	if c.Capacity < 0 || c.Rate < 0 || c.FeeCap < 0 || c.BlockTime < 0 || c.Wait < 0 {
		errs = append(errs, errors.New("vault: capacity, rate, fee cap, block time and wait must not be negative"))
	}
	if c.Work != 0 && (c.Work < minWork || c.Work > maxWork) {
		errs = append(errs, fmt.Errorf("vault: work of %d is not within %d .. %d", c.Work, minWork, maxWork))
	}
	if c.BlockTime == 0 {
		c.BlockTime = defaultBlockTime
	}
	if c.Rate == 0 {
		c.Rate = defaultRate
	}
	if c.FeeCap == 0 {
		c.FeeCap = defaultFeeCap
	}
	if c.Wait == 0 {
		c.Wait = defaultWait
	}
	if c.Work == 0 {
		c.Work = defaultWork
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, errors.Join(errs...)
}

// Vault is a signer backend in this process. It implements signer.Backend and is safe for concurrent use.
type Vault struct {
	cfg    Config
	id     string // of the backend: as long as its files exist
	boot   string // of this opening
	seed   []byte // of the keys that others seal to, one for each key generation; it never leaves
	box    box
	ledger *ledger
	lock   dirLock

	authors authors

	mu   sync.Mutex
	live map[signer.SessionID]*ceremony // bounded by maxSessions
	// sweep drops sessions that have become idle; nil while none is open.
	sweep *time.Timer
}

var _ signer.Backend = (*Vault)(nil)

// Open opens the vault in cfg.Dir, and makes it if there is none. ErrLocked if another process has it, ErrPassword if the
// password is not the one that it was made with.
func Open(ctx context.Context, cfg Config) (*Vault, error) {
	cfg, err := cfg.validate()
	if err != nil {
		return nil, err
	}
	password, err := readPassword(cfg.PasswordFile)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the vault's directory: %w", err)
	}
	if err := checkPrivate(cfg.Dir); err != nil {
		return nil, err
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	v, err := open(ctx, cfg, password)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	v.lock = lock
	return v, nil
}

func open(ctx context.Context, cfg Config, password string) (*Vault, error) {
	master, err := readMaster(filepath.Join(cfg.Dir, masterFile), password)
	if errors.Is(err, os.ErrNotExist) {
		master, err = create(ctx, cfg, password)
	}
	if err != nil {
		return nil, err
	}
	path := filepath.Join(cfg.Dir, databaseFile)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("the vault's database is missing; put it back, since without what it remembers nothing may be signed: %w", err)
	}
	ledger, err := openLedger(ctx, path)
	if err != nil {
		return nil, err
	}
	v := &Vault{cfg: cfg, boot: rand.Text(), ledger: ledger, live: make(map[signer.SessionID]*ceremony)}
	if v.box, err = newBox(master); err == nil {
		err = v.readIdentity(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, ledger.close())
	}
	return v, nil
}

// Close ends all sessions and gives the directory up.
func (v *Vault) Close() error {
	v.mu.Lock()
	v.live = nil
	if v.sweep != nil {
		v.sweep.Stop() // if it runs already it finds nothing
	}
	v.mu.Unlock()
	return errors.Join(v.ledger.close(), v.lock.release())
}

// Health implements signer.Backend.
func (v *Vault) Health(ctx context.Context) (signer.Health, error) {
	h := signer.Health{
		BackendID: v.id,
		BootID:    v.boot,
		Version:   v.cfg.Version,
		Schemes:   signer.Schemes(),
		Capacity:  v.cfg.Capacity,
		StoreOK:   true,
		Feed:      signer.FeedOff,
	}
	if v.cfg.Mailbox != nil {
		f := v.cfg.Mailbox.Feed()
		h.Feed, h.FeedDetail, h.FeedProofs, h.FeedDoubted = f.State, f.Detail, f.Proofs, f.Doubted
	}
	err := v.ledger.works(ctx)
	if err == nil {
		h.Keys, err = v.countKeys(ctx)
	}
	if err != nil {
		h.StoreOK, h.Detail = false, err.Error()
		return h, nil //nolint:nilerr // Health tells it
	}
	h.Accepting = h.Capacity == 0 || h.Keys < h.Capacity
	return h, nil
}
