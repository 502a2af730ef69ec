package secretfile

// Unusable is an error about a secret, or the file of one, that cannot be used as it is: missing, exposed, damaged, or not
// what its name says. Trying again ends the same until the operator has acted, unlike with an error of the disk.
type Unusable struct{ Err error }

// Error implements error with the text of what is wrong.
func (u Unusable) Error() string { return u.Err.Error() }

// Unwrap returns what is wrong.
func (u Unusable) Unwrap() error { return u.Err }
