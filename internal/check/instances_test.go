package check

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
)

// sibling is an instance that is asked for two things alone.
type sibling struct {
	api.Cluster
	operator keys.Operator
	list     view.Instances
	err      error
}

func (s *sibling) Instances() view.Instances { return s.list }

func (s *sibling) Directory() (client.Directory, error) {
	d := client.Directory{
		Operator: s.operator.Address, Issued: time.Now(), Expires: time.Now().Add(time.Minute),
		Instances: []client.Entry{{ID: "a", URLs: []string{}}},
	}
	if err := d.Sign(s.operator.Key); err != nil {
		return d, err
	}
	return d, s.err
}

// family is an input whose bootstrap list has one sibling.
func family(t *testing.T) (Input, *sibling, *api.Server) {
	t.Helper()
	in := sound(t, nil)
	in.Config.Store.DSN = "postgres://nobody@127.0.0.1:1/none"
	operator, err := keys.LoadOperator(in.Config.Operator.KeyFile, "secret")
	require.NoError(t, err)
	s := &sibling{operator: operator, list: view.Instances{Self: "a", Shared: true, Instances: []view.Instance{
		{ID: "a", State: view.InstanceServing, Version: "1", URLs: []string{"https://a"}, Wallets: []chain.WalletID{}},
	}}}
	server := &api.Server{Cluster: s, Logger: quiet}
	address := httptest.NewServer(server.Handler())
	t.Cleanup(address.Close)
	in.Config.Cluster.Bootstrap = []string{address.URL}
	return in, s, server
}

func TestInstancesThatAnswerPass(t *testing.T) {
	in, s, _ := family(t)
	url := in.Config.Cluster.Bootstrap[0]
	results := Run(t.Context(), in, Instances)
	require.Contains(t, find(t, results, url).Detail, "instance a answers; its list of 1 is signed by operator "+s.operator.Address.String())
	for _, r := range results {
		require.Equal(t, Pass, r.Status, "%+v", r)
	}
	require.Len(t, results, 3)
}

func TestInstancesThatDifferAreTold(t *testing.T) {
	in, s, _ := family(t)
	url := in.Config.Cluster.Bootstrap[0]
	s.list.Instances = append(s.list.Instances,
		view.Instance{ID: "b", State: view.InstanceIdle, Version: "2"}, view.Instance{ID: "c", State: view.InstanceDead, Version: "0"})
	results := Run(t.Context(), in, Instances)
	require.Equal(t, Warn, find(t, results, "versions").Status)
	require.Contains(t, find(t, results, "versions").Detail, "1, 2")
	require.Equal(t, "instances without a URL: b", find(t, results, "urls").Detail)

	s.list.Stale, s.list.AgeMS = true, 90_000
	require.Equal(t, Warn, find(t, Run(t.Context(), in, Instances), url).Status)

	in.Now = func() time.Time { return time.Now().Add(time.Hour) }
	r := find(t, Run(t.Context(), in, Instances), url)
	require.Equal(t, Fail, r.Status)
	require.Contains(t, r.Detail, "ahead of the instance's clock")
}

func TestInstancesThatCannotBeTrustedFail(t *testing.T) {
	in, s, _ := family(t)
	url := in.Config.Cluster.Bootstrap[0]
	judged := func() Result { return find(t, Run(t.Context(), in, Instances), url) }

	other, err := keys.CreateOperator(filepath.Join(t.TempDir(), "other.json"), "secret", keys.Light)
	require.NoError(t, err)
	ours := s.operator
	s.operator = other
	require.Contains(t, judged().Hint, "cluster.bootstrap leads to another operator's instance")
	s.operator = ours

	s.list.Shared = false
	require.Contains(t, judged().Hint, "the same PostgreSQL database")
	s.list.Shared = true

	in.Config.Cluster.Bootstrap = []string{"http://127.0.0.1:1"}
	url = "http://127.0.0.1:1"
	require.Contains(t, judged().Detail, "no instance answers")
	require.Contains(t, judged().Hint, "network.proxy")
}

func TestAWrongTokenIsTold(t *testing.T) {
	in, s, _ := family(t)
	server := &api.Server{Cluster: s, Logger: quiet, Guard: api.Guard{Token: "0123456789abcdef0123456789abcdef"}}
	address := httptest.NewServer(server.Handler())
	defer address.Close()
	in.Config.Cluster.Bootstrap = []string{address.URL}
	r := find(t, Run(t.Context(), in, Instances), address.URL)
	require.Equal(t, Fail, r.Status)
	require.Contains(t, r.Hint, "api.token_file")

	in.Config.API.TokenFile = filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(in.Config.API.TokenFile, []byte("0123456789abcdef0123456789abcdef\n"), 0o600))
	require.Equal(t, Pass, find(t, Run(t.Context(), in, Instances), address.URL).Status)
}

func TestAnInstanceThatDoesNotRunYetIsNotMissed(t *testing.T) {
	in, _, _ := family(t)
	in.Config.Cluster.URLs = []string{"http://127.0.0.1:1"}
	require.Equal(t, Skip, find(t, Run(t.Context(), in, Instances), "http://127.0.0.1:1").Status)

	in.Config.Cluster = config.Default().Cluster
	require.Equal(t, Warn, find(t, Run(t.Context(), in, Instances), "bootstrap").Status)
	in.Config.Store.DSN = ""
	require.Equal(t, Skip, find(t, Run(t.Context(), in, Instances), "bootstrap").Status)
}

func TestADatabaseThatForgetsIsTold(t *testing.T) {
	in := sound(t, nil)
	in.Config.Store.DSN = pgtest.Database(t)
	require.Equal(t, Skip, find(t, Run(t.Context(), in, Store), "durability").Status, "before there is a store")
	s, err := store.Open(t.Context(), store.Config{DSN: in.Config.Store.DSN}, 5, chain.Hash{1}, quiet)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	r := find(t, Run(t.Context(), in, Store), "durability")
	require.Equal(t, Warn, r.Status, "the tests' server is one that forgets, which is faster")
	require.Contains(t, r.Detail, "its setting fsync is off")
}
