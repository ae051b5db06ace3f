//go:build unix && !linux

package localpg

import "syscall"

// disguises are the ways in which root can run a program as user uid.
func disguises(uid, gid int) []account {
	return []account{{uid: uid, gid: gid, attr: &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)},
	}}}
}
