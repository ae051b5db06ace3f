package localpg

import "syscall"

// capDACOverride is CAP_DAC_OVERRIDE of linux/capability.h.
const capDACOverride = 1

// disguises are the ways in which root can run a program as user uid.
//
//   - A user namespace in which root appears as that user: files keep root as
//     their owner, and folders that only root may enter stay reachable.
//   - Really that user, keeping the one right to enter root's folders. For
//     containers that forbid namespaces.
//   - Really that user with no right left. Works if the data and the binaries
//     lie where that user may go.
func disguises(uid, gid int) []account {
	really := func(capabilities ...uintptr) account {
		return account{uid: uid, gid: gid, attr: &syscall.SysProcAttr{
			Credential:  &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)},
			AmbientCaps: capabilities,
		}}
	}
	namespace := account{uid: 0, gid: 0, attr: &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: 0, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: gid, HostID: 0, Size: 1}},
	}}
	return []account{namespace, really(capDACOverride), really()}
}
