package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Role is what a client may do.
type Role string

// The roles. None includes another.
const (
	RoleRead  Role = "read"  // ask for keys and for what protects them
	RoleSign  Role = "sign"  // take a key into signing sessions, and say that it has forgotten some
	RoleDKG   Role = "dkg"   // take part in key generations, and put their keys to use
	RoleAdmin Role = "admin" // freeze keys and thaw them
)

// roles returns every role.
func roles() []Role { return []Role{RoleRead, RoleSign, RoleDKG, RoleAdmin} }

// everyWallet in a client's list of wallets stands for all of them, those to come included.
const everyWallet = "*"

// Most of a list of clients, and of the wallets of one.
const (
	maxClients       = 1024
	maxClientWallets = 10_000
)

// Permission is who a client is and what it may do.
type Permission struct {
	Name        string      `toml:"name"`
	Fingerprint Fingerprint `toml:"fingerprint"` // of its certificate's key
	Roles       []Role      `toml:"roles"`
	Wallets     []string    `toml:"wallets"` // public key hashes, or "*" alone
}

// clientName is what stands in logs and on command lines.
var clientName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// client is a permission, ready to be asked.
type client struct {
	name    string
	roles   []Role
	all     bool
	wallets []chain.WalletID // ascending; unless all
}

// Access is who may ask. The zero value admits nobody.
type Access struct{ clients map[Fingerprint]client }

// NewAccess checks the permissions and joins every complaint about them.
func NewAccess(permissions []Permission) (Access, error) {
	a := Access{make(map[Fingerprint]client, len(permissions))}
	var complaints []error
	if len(permissions) > maxClients {
		return Access{}, fmt.Errorf("clients: %d are more than %d", len(permissions), maxClients)
	}
	names := map[string]bool{}
	for _, p := range permissions {
		c, err := newClient(p)
		if err == nil && names[p.Name] {
			err = errors.New("there are two of this name")
		}
		if other, taken := a.clients[p.Fingerprint]; err == nil && taken {
			err = fmt.Errorf("%q has the same fingerprint: one key, one client", other.name)
		}
		if err != nil {
			complaints = append(complaints, fmt.Errorf("client %q: %w", p.Name, err))
			continue
		}
		names[p.Name] = true
		a.clients[p.Fingerprint] = c
	}
	if len(complaints) > 0 {
		return Access{}, errors.Join(complaints...)
	}
	return a, nil
}

func newClient(p Permission) (client, error) {
	c := client{name: p.Name, roles: slices.Clone(p.Roles)}
	switch {
	case !clientName.MatchString(p.Name):
		return c, errors.New("a name has 1 to 64 letters, digits, dots, dashes and underscores")
	case p.Fingerprint.IsZero():
		return c, errors.New("no fingerprint: nobody could be it")
	case len(p.Roles) == 0:
		return c, fmt.Errorf("no roles: it could do nothing (there are: %s)", roleNames())
	case len(p.Wallets) == 0:
		return c, errors.New(`no wallets: it could do nothing ("*" is all of them)`)
	case len(p.Wallets) > maxClientWallets:
		return c, fmt.Errorf("%d wallets are more than %d", len(p.Wallets), maxClientWallets)
	}
	for _, role := range p.Roles {
		if !slices.Contains(roles(), role) {
			return c, fmt.Errorf("there is no role %q (there are: %s)", role, roleNames())
		}
	}
	if c.all = slices.Contains(p.Wallets, everyWallet); c.all {
		if len(p.Wallets) > 1 {
			return c, errors.New(`"*" is all wallets already: name it alone`)
		}
		return c, nil
	}
	for _, text := range p.Wallets {
		wallet, err := chain.ParseWalletID(text)
		if err != nil {
			return c, err
		}
		c.wallets = append(c.wallets, wallet)
	}
	slices.SortFunc(c.wallets, compareWallets)
	c.wallets = slices.Compact(c.wallets)
	return c, nil
}

func compareWallets(a, b chain.WalletID) int { return cmp.Compare(string(a[:]), string(b[:])) }

func roleNames() string {
	names := make([]string, len(roles()))
	for i, r := range roles() {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

// with returns the access with one client more, whatever the list says about its key.
func (a Access) with(f Fingerprint, c client) Access {
	clients := map[Fingerprint]client{}
	for known, who := range a.clients {
		clients[known] = who
	}
	clients[f] = c
	return Access{clients}
}

// find returns who has the key with a fingerprint.
func (a Access) find(f Fingerprint) (client, error) {
	c, known := a.clients[f]
	if !known {
		return client{}, fmt.Errorf("%w: nobody with the fingerprint %v is listed here (walletnode signer client add lists it)", signer.ErrForbidden, f)
	}
	return c, nil
}

// has demands one of some roles.
func (c client) has(roles ...Role) error {
	if !slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(c.roles, r) }) {
		return fmt.Errorf("%w: client %q lacks the role %s", signer.ErrForbidden, c.name, joined(roles))
	}
	return nil
}

// may demands one of some roles and a wallet.
func (c client) may(wallet chain.WalletID, roles ...Role) error {
	if err := c.has(roles...); err != nil {
		return err
	}
	if _, listed := slices.BinarySearchFunc(c.wallets, wallet, compareWallets); !c.all && !listed {
		return fmt.Errorf("%w: client %q may not touch wallet %v", signer.ErrForbidden, c.name, wallet)
	}
	return nil
}

func joined(roles []Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, " or ")
}
