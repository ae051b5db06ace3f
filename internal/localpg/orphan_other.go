//go:build unix && !linux

package localpg

import (
	"os/exec"
	"strconv"
	"strings"
)

// identify tells what process pid has to do with the data folder. A process id
// may belong to somebody else by now, so the id alone proves nothing; a server
// is known by its command line, in which Start names the folder.
func identify(pid int, data string) holder {
	out, err := exec.Command("ps", "-ww", "-o", "stat=,command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return gone
	}
	state, command, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if strings.HasPrefix(state, "Z") || !strings.Contains(command, "postgres") || !strings.Contains(command, data) {
		return alien
	}
	return orphan
}
