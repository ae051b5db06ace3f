package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/lendgate/lendgate/bench/scene"
)

// readyTime bounds the start of a process.
const readyTime = 30 * time.Second

// freeAddress is a host:port that nobody listens on. Somebody else may take it before its owner does; then the owner fails to start, and says
// so.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// child is a process of the contest.
type child struct {
	command *exec.Cmd
	done    chan struct{}
	err     error
	log     string
}

// start starts a process. onStage puts it on core 0 with one thread of work; others share the generator's core. Its words go to a file.
func (c *contest) start(name string, onStage bool, line ...string) (*child, error) {
	if onStage {
		line = append([]string{"taskset", "-c", "0"}, line...)
	}
	logName := filepath.Join(c.dir, name+".out")
	out, err := os.Create(logName)
	if err != nil {
		return nil, err
	}
	defer out.Close() // The child has its own handle.
	p := &child{command: exec.Command(line[0], line[1:]...), done: make(chan struct{}), log: logName}
	p.command.Stdout, p.command.Stderr = out, out
	p.command.Env = append(os.Environ(), "GOMAXPROCS=1", "UV_THREADPOOL_SIZE=1", "NODE_ENV=production")
	// Should this program die, its children die with it: nothing is left running.
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.command.Wait()
		close(p.done)
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.children = append(c.children, p)
	return p, nil
}

// await waits until a process takes connections.
func (c *contest) await(ctx context.Context, p *child, address string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("it ended: %v: %s", p.err, p.said())
		case <-ctx.Done():
			return fmt.Errorf("it does not listen on %s: %w: %s", address, ctx.Err(), p.said())
		}
	}
}

// said is the end of what a process wrote.
func (p *child) said() string {
	text, _ := os.ReadFile(p.log)
	return strings.TrimSpace(string(text[max(0, len(text)-800):]))
}

// stopAll ends all processes and waits for them.
func (c *contest) stopAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.children {
		_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGTERM) // It may have ended by itself.
	}
	for _, p := range c.children {
		select {
		case <-p.done:
		case <-time.After(3 * time.Second):
			_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL)
			<-p.done
		}
	}
	c.children = nil
}

// direct tells the backends how to play.
func (c *contest) direct(ctx context.Context, path string, values url.Values) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.stage.direct+path, strings.NewReader(values.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, res.Status)
	}
	return nil
}

// stage is what all contestants play on.
type stage struct {
	// Listen is the address of the contestant at hand; Dir a folder for its files.
	Listen, Dir string
	// Backend, Static and Redis are addresses on the generator's core.
	Backend, Static, Redis string
	direct                 string
	// Answer is the file with the home screen; Shops the folder with the secrets of the shops.
	Answer, Shops string
}

// note writes a file into the folder of the run.
func (c *contest) note(name, text string) (string, error) {
	path := filepath.Join(c.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// fill writes a configuration of a proxy from its template.
func (s stage) fill(from, to string) error {
	form, err := template.ParseFiles(from)
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	return errors.Join(form.Execute(out, s), out.Close())
}

// build starts Redis and the backends.
func (c *contest) build(ctx context.Context) error {
	s := stage{Dir: c.dir, Answer: filepath.Join(c.dir, "home.json"), Shops: filepath.Join(c.dir, "shops")}
	for _, address := range []*string{&s.Backend, &s.Static, &s.Redis, &s.direct} {
		var err error
		if *address, err = freeAddress(); err != nil {
			return err
		}
	}
	s.Backend = cmp.Or(c.backend, s.Backend)
	c.stage = s
	if err := scene.WriteShops(s.Shops); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, filepath.Join(c.bin, "ours"), "-answer", s.Answer).CombinedOutput(); err != nil {
		return fmt.Errorf("the home screen: %w: %s", err, out)
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("redis-server is needed: make services installs it")
	}
	_, port, _ := net.SplitHostPort(s.Redis)
	redis, err := c.start("redis", false, program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", c.dir)
	if err != nil {
		return err
	}
	if err := c.await(ctx, redis, s.Redis); err != nil {
		return fmt.Errorf("Redis: %w", err)
	}
	backend, err := c.start("backend", false, filepath.Join(c.bin, "backend"),
		"-listen", s.Backend, "-direct", s.direct, "-static", s.Static, "-answer", s.Answer, "-cast", castRemote, "-people", fmt.Sprint(castSize))
	if err != nil {
		return err
	}
	if err := c.await(ctx, backend, s.direct); err != nil {
		return fmt.Errorf("backends: %w", err)
	}
	return c.await(ctx, backend, s.Backend)
}
