package child

import "syscall"

// signalOnDeath makes the kernel send the signal when the starting thread ends.
func signalOnDeath(attr *syscall.SysProcAttr, death syscall.Signal) { attr.Pdeathsig = death }
