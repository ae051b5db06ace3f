package child

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
)

// Process is a running or finished child.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // how the child ended; written before done is closed
}

// Start runs cmd. The child gets the signal death when this process dies.
//
// Output must go to files or nowhere: a writer that is not a file would make
// the child's end wait for its grandchildren to close their output, too.
func Start(cmd *exec.Cmd, death syscall.Signal) (*Process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	signalOnDeath(cmd.SysProcAttr, death)

	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// Linux sends the death signal when the thread that forked ends, not
		// the process. So this thread forks, and stays until the child is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// Run runs cmd to its end under the same promise as Start. When ctx ends
// first, the child is killed and the context's error returned.
func Run(ctx context.Context, cmd *exec.Cmd) error {
	p, err := Start(cmd, syscall.SIGKILL)
	if err != nil {
		return err
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		p.kill()
		return ctx.Err()
	}
}

// PID is the process id of the child, also after its end.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended and has been reaped.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the child ended; nil means exit status zero. It may be called
// only after Done is closed.
func (p *Process) Err() error { return p.err }

// Stop asks the child to end by the signal and waits. When ctx ends first, the
// child's whole process group is killed and the context's error returned.
// Stopping a child that has ended is no error.
func (p *Process) Stop(ctx context.Context, ask syscall.Signal) error {
	select {
	case <-p.done:
		return nil
	default:
	}
	// An error means that the child has just ended, which Done tells as well.
	_ = p.cmd.Process.Signal(ask)
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("%s did not stop in time and was killed: %w", p.cmd.Path, ctx.Err())
	}
}

// kill ends the child and all of its process group, and waits for the child.
// While the child is unreaped its group id cannot belong to anybody else.
func (p *Process) kill() {
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.done
}
