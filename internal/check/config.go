package check

import (
	"cmp"
	"context"
	"errors"
	"io/fs"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
)

// config looks at the configuration and opens the keys that it names.
func (r *run) config(context.Context) {
	var wrong config.Complaints
	switch {
	case errors.As(r.Invalid, &wrong):
		for _, c := range wrong {
			r.add("configuration", fail("correct it; walletnode config sample explains every key", "%s", c))
		}
	case r.Invalid != nil:
		r.add("configuration", fail("name a file that can be read: --config, or walletnode init makes one", "%v", r.Invalid))
	default:
		r.add("configuration", pass("valid"))
	}
	if r.Unread {
		return
	}
	r.step("operator_key", func() verdict {
		op, err := r.openOperator()
		switch {
		case r.Config.Operator.KeyFile == "":
			return skip("operator.key_file is not set")
		case errors.Is(err, fs.ErrNotExist):
			return fail("walletnode keys new makes a key, keys import takes one over", "%v", err)
		case errors.Is(err, keys.ErrWrongPassword):
			return fail("check operator.password_file or "+config.PasswordVariable, "%v", err)
		case err != nil:
			return fail(cmp.Or(Advice(err), "operator.key_file must be a keystore of version 3, and operator.password_file or "+config.PasswordVariable+" hold its password"), "%v", err)
		}
		return pass("operator %v", op.Address)
	})
	r.step("instance_key", func() verdict {
		_, err := keys.ReadInstance(r.Config.Node.DataDir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return pass("none yet: init or the first start makes it")
		case err != nil:
			return fail(cmp.Or(Advice(err), "move it away: the next start makes a new one, with another peer ID"), "%v", err)
		}
		return pass("%s", keys.InstanceFile(r.Config.Node.DataDir))
	})
}

// openOperator opens the operator's key, once: it takes about a second.
func (r *run) openOperator() (keys.Operator, error) {
	if r.operator != nil || r.keyErr != nil {
		if r.operator == nil {
			return keys.Operator{}, r.keyErr
		}
		return *r.operator, nil
	}
	op, err := r.readOperator()
	if err != nil {
		r.keyErr = err
		return keys.Operator{}, err
	}
	r.operator = &op
	return op, nil
}

func (r *run) readOperator() (keys.Operator, error) {
	file := r.Config.Operator.KeyFile
	if file == "" {
		return keys.Operator{}, errors.New("operator.key_file is not set")
	}
	if _, err := keys.Inspect(file); err != nil {
		return keys.Operator{}, err // before anybody is asked for a password
	}
	password, err := r.Password()
	if err != nil {
		return keys.Operator{}, err
	}
	return keys.LoadOperator(file, password)
}
