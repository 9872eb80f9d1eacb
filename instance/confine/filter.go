// SPDX-License-Identifier: Apache-2.0

package confine

import (
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Profile is what a process needs of the kernel, besides what every Go program
// that serves sockets it was given needs.
type Profile struct {
	Files   bool // makes, changes and removes files, as a database does
	Sockets bool // opens unix sockets; those of other families nobody opens
}

// Filter leaves the whole process, for good, with the system calls of the profile.
// Any other fails with EPERM, so that what was forgotten is an error that can be
// read; one of another architecture ends the process. Starting programs, joining or
// making namespaces, tracing, loading programs into the kernel and sockets to any
// network are in no profile. No thread can gain a privilege afterwards: the kernel
// wants that of the one that asks, and gives it to the others with the filter.
func Filter(p Profile) error {
	program, err := p.program()
	if err != nil {
		return err
	}
	runtime.LockOSThread() // both calls come from one thread, or the second is refused
	defer runtime.UnlockOSThread()
	if err := noNewPrivileges(); err != nil {
		return err
	}
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	const allThreads = unix.SECCOMP_FILTER_FLAG_TSYNC
	stray, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, allThreads, uintptr(unsafe.Pointer(&fprog)))
	runtime.KeepAlive(program)
	switch {
	case errno != 0:
		return fmt.Errorf("filter system calls: %w", errno)
	case stray != 0:
		return fmt.Errorf("filter system calls: thread %d has a filter of its own", stray)
	}
	return nil
}

// everybody's: the Go runtime, files that are read, sockets that were handed over.
var everybody = []uintptr{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_PREAD64, unix.SYS_CLOSE, unix.SYS_LSEEK,
	unix.SYS_OPENAT, unix.SYS_FSTAT, unix.SYS_NEWFSTATAT, unix.SYS_STATX, unix.SYS_READLINKAT, unix.SYS_GETDENTS64, unix.SYS_FCNTL, unix.SYS_GETCWD,
	unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MADVISE, unix.SYS_MREMAP, unix.SYS_MINCORE, unix.SYS_BRK,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, unix.SYS_TGKILL,
	unix.SYS_TIMER_CREATE, unix.SYS_TIMER_SETTIME, unix.SYS_TIMER_DELETE, unix.SYS_SETITIMER,
	unix.SYS_FUTEX, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_MEMBARRIER, unix.SYS_PRCTL,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY, unix.SYS_RESTART_SYSCALL,
	unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_GETPID, unix.SYS_GETPPID, unix.SYS_GETTID,
	unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_UNAME, unix.SYS_SYSINFO, unix.SYS_PRLIMIT64,
	unix.SYS_GETRANDOM, unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2, unix.SYS_PIPE2, unix.SYS_PPOLL, unix.SYS_DUP3,
	unix.SYS_ACCEPT4, unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME, unix.SYS_GETSOCKOPT, unix.SYS_SETSOCKOPT, unix.SYS_SHUTDOWN,
	unix.SYS_SENDTO, unix.SYS_RECVFROM, unix.SYS_SENDMSG, unix.SYS_RECVMSG, unix.SYS_SENDMMSG, unix.SYS_RECVMMSG, unix.SYS_SPLICE, unix.SYS_SENDFILE,
}

var files = []uintptr{
	unix.SYS_PWRITE64, unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_SYNC_FILE_RANGE, unix.SYS_FALLOCATE, unix.SYS_FTRUNCATE,
	unix.SYS_MKDIRAT, unix.SYS_UNLINKAT, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_FLOCK, unix.SYS_FCHMOD, unix.SYS_FCHMODAT,
	unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_STATFS, unix.SYS_FSTATFS, unix.SYS_COPY_FILE_RANGE, unix.SYS_UTIMENSAT,
	unix.SYS_MLOCK, unix.SYS_MUNLOCK, unix.SYS_MSYNC,
}

// namespaces are the flags with which clone makes one.
const namespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWTIME

// Where struct seccomp_data has what. Numbers and flags fit the low halves of the
// arguments; every architecture here is little-endian.
const (
	atNumber, atArch, atFirst = 0, 4, 16
	foreign                   = 0x40000000 // numbers of x86's x32 begin here
	refuse                    = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	unknown                   = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

func (p Profile) program() ([]unix.SockFilter, error) {
	arch, ok := map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[runtime.GOARCH]
	if !ok {
		return nil, fmt.Errorf("filter system calls: the numbers of %s are not known", runtime.GOARCH)
	}
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	ret := func(verdict uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: verdict}
	}
	jump := func(op uint16, k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, K: k, Jt: yes, Jf: no}
	}
	list := everybody
	if p.Files {
		list = slices.Concat(list, files)
	}
	if p.Sockets {
		list = slices.Concat(list, []uintptr{unix.SYS_CONNECT})
	}
	out := []unix.SockFilter{
		load(atArch), jump(unix.BPF_JEQ, arch, 1, 0), ret(unix.SECCOMP_RET_KILL_PROCESS),
		load(atNumber), jump(unix.BPF_JGE, foreign, 0, 1), ret(unix.SECCOMP_RET_KILL_PROCESS),
	}
	for _, n := range list {
		out = append(out, jump(unix.BPF_JEQ, uint32(n), 0, 1), ret(unix.SECCOMP_RET_ALLOW))
	}
	// clone3's flags are out of sight: without it, threads are made by clone.
	out = append(out, jump(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1), ret(unknown))
	out = append(out, jump(unix.BPF_JEQ, unix.SYS_CLONE, 0, 4), load(atFirst), jump(unix.BPF_JSET, namespaces, 0, 1), ret(refuse), ret(unix.SECCOMP_RET_ALLOW))
	if p.Sockets {
		for _, n := range []uint32{unix.SYS_SOCKET, unix.SYS_SOCKETPAIR} {
			out = append(out, jump(unix.BPF_JEQ, n, 0, 4), load(atFirst), jump(unix.BPF_JEQ, unix.AF_UNIX, 0, 1), ret(unix.SECCOMP_RET_ALLOW), ret(refuse))
		}
	}
	return append(out, ret(refuse)), nil
}
