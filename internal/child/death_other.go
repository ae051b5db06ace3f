//go:build unix && !linux

package child

import "syscall"

// signalOnDeath does nothing: only Linux has a death signal.
func signalOnDeath(*syscall.SysProcAttr, syscall.Signal) {}
