package localpg

import (
	"bytes"
	"fmt"
	"os"
)

// identify tells what process pid has to do with the data folder. A process id
// may belong to somebody else by now, so the id alone proves nothing; a server
// is known by its name and by working in the folder.
func identify(pid int, data string) holder {
	proc := fmt.Sprintf("/proc/%d/", pid)
	stat, err := os.ReadFile(proc + "stat")
	if err != nil {
		return gone
	}
	// "123 (name) Z …"; the name may hold anything, brackets included.
	_, name, _ := bytes.Cut(stat, []byte("("))
	end := bytes.LastIndexByte(name, ')')
	if end < 0 || len(name) < end+3 {
		return alien
	}
	name, state := name[:end], name[end+2]
	if state == 'Z' || state == 'X' || string(name) != "postgres" {
		return alien
	}
	cwd, err := os.Stat(proc + "cwd")
	if err != nil {
		return alien
	}
	folder, err := os.Stat(data)
	if err != nil || !os.SameFile(cwd, folder) {
		return alien
	}
	return orphan
}
