package main

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// machine is where a run took place. Nothing in it names the machine.
type machine struct {
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	Kernel    string `json:"kernel"`
	Go        string `json:"go"`
	// Load is the load average over one minute when the run began: how much the neighbours did.
	Load string `json:"load"`
}

func readMachine() machine {
	m := machine{Processor: "unknown processor", Go: runtime.Version()}
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(name) {
		case "processor":
			m.Cores++
		case "model name":
			m.Processor = strings.TrimSpace(value)
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	load, _ := os.ReadFile("/proc/loadavg")
	m.Kernel = strings.TrimSpace(string(kernel))
	m.Load, _, _ = strings.Cut(string(load), " ")
	return m
}

// listener finds the process that listens on an address of this machine: a peer that ran before us is counted like the others.
func listener(address string) (int, error) {
	inode, err := socketOf(address)
	if err != nil {
		return 0, err
	}
	handles, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return 0, err
	}
	for _, handle := range handles {
		if target, err := os.Readlink(handle); err == nil && target == "socket:["+inode+"]" {
			return strconv.Atoi(strings.Split(handle, "/")[2])
		}
	}
	return 0, fmt.Errorf("the process that listens on %s cannot be seen: run the bench as its user", address)
}

// socketOf is the inode of the listening socket (Documentation/networking/proc_net_tcp.rst of Linux).
func socketOf(address string) (string, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", err
	}
	suffix := ":" + strings.ToUpper(hex.EncodeToString([]byte{byte(number >> 8), byte(number)}))
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		file, err := os.Open(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			const listening = "0A"
			if len(fields) > 9 && strings.HasSuffix(fields[1], suffix) && fields[3] == listening {
				return fields[9], nil
			}
		}
	}
	return "", fmt.Errorf("nobody listens on %s", address)
}
