// Package meter reads what a process costs, from the kernel's own accounts.
//
// It promises nanoseconds of processor time as the scheduler counted them (/proc/PID/task/TID/schedstat, field 1; see
// Documentation/scheduler/sched-stats.rst of Linux), children included. On shared cores that figure stays within some 15 % where requests
// per second swing threefold and the ticks of /proc/PID/stat are wrong by up to four times. It works on Linux only.
package meter
