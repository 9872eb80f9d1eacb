// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommands(t *testing.T) {
	p := start(t)
	p.eachWay(t, func(t *testing.T) {
		for _, c := range []struct {
			name  string
			stdin string
			argv  []string
			want  result
		}{
			{"success", "", []string{"true"}, result{}},
			{"the exit code is the command's", "", []string{"sh", "-c", "exit 42"}, result{Code: 42}},
			{"a signal counts 128 and its number", "", []string{"sh", "-c", "kill -KILL $$"}, result{Code: 137}},
			{"input, output and errors are the caller's", "in\n", []string{"sh", "-c", "cat; echo err >&2"}, result{0, "in\n", "err\n"}},
			{"an unknown command is 127", "", []string{"no-such-thing"}, result{127, "", "enishi: exec: no-such-thing: command not found\n"}},
			{"an unknown path is 127", "", []string{"/no/such"}, result{127, "", "enishi: exec: /no/such: no such file or directory\n"}},
			{"what cannot run is 126", "", []string{"/etc/hosts"}, result{126, "", "enishi: exec: /etc/hosts: permission denied\n"}},
			{"no command is 126", "", nil, result{126, "", "enishi: exec: no command\n"}},
		} {
			t.Run(c.name, func(t *testing.T) {
				got := p.run(t, t.Context(), c.stdin, Request{Argv: c.argv})
				if d := cmp.Diff(c.want, got); d != "" {
					t.Errorf("-want +got:\n%s", d)
				}
			})
		}
		t.Run("it starts where the caller is, or at the top", func(t *testing.T) {
			for dir, want := range map[string]string{"/usr": "/usr", "/no/such": "/", "": "/", "usr": "/"} {
				if got := p.run(t, t.Context(), "", Request{Argv: []string{"pwd"}, Dir: dir}); got.Out != want+"\n" {
					t.Errorf("from %q: %+v", dir, got)
				}
			}
		})
		t.Run("no signal is ignored", func(t *testing.T) {
			got := p.sh(t, "grep SigIgn /proc/self/status")
			ignored, err := strconv.ParseUint(strings.TrimSpace(strings.TrimPrefix(got, "SigIgn:")), 16, 64)
			// 32 and 33 are the C library's own; what starts this test may have left them ignored.
			if err != nil || ignored&^(3<<31) != 0 {
				t.Error(got, err)
			}
		})
		t.Run("nobody else's files are open", func(t *testing.T) {
			if got := p.sh(t, "exec ls /proc/self/fd"); got != "0\n1\n2\n3" { // and ls's own
				t.Errorf("descriptors %q %s", got, p.sh(t, "exec ls -l /proc/self/fd"))
			}
		})
		t.Run("an environment beyond the limit is refused in words", func(t *testing.T) {
			_, err := p.call(t.Context(), Request{Instance: "i-1", Argv: []string{"true"}, Env: []string{"A=" + strings.Repeat("x", maxMessage)}}, Stdio{os.Stdin, os.Stdout, os.Stderr})
			if err == nil || !strings.Contains(err.Error(), "smaller environment") {
				t.Errorf("got %v", err)
			}
		})
		t.Run("a large environment passes", func(t *testing.T) {
			got := p.run(t, t.Context(), "", Request{Argv: []string{"sh", "-c", "echo ${#A}"}, Env: []string{"A=" + strings.Repeat("x", 100_000)}})
			if got.Out != "100000\n" {
				t.Errorf("got %+v", got)
			}
		})
		t.Run("an instance that is not there is named", func(t *testing.T) {
			_, err := p.call(t.Context(), Request{Instance: "i-2", Argv: []string{"true"}}, Stdio{os.Stdin, os.Stdout, os.Stderr})
			if err == nil || err.Error() != "no instance i-2" {
				t.Errorf("got %v", err)
			}
		})
		t.Run("a background process does not hold the caller up", func(t *testing.T) {
			if got := p.sh(t, "sleep 1000 & echo done"); got != "done" {
				t.Error(got)
			}
		})
		t.Run("orphans are reaped", func(t *testing.T) {
			p.sh(t, "sh -c 'sleep 0.01 & exec true'; true")
			eventually(t, "no zombie", func() bool {
				return p.sh(t, `for s in /proc/[0-9]*/stat; do read -r line < $s && echo "$line"; done 2>/dev/null | grep -c ') Z ' || true`) == "0"
			})
		})
	})
}

func TestIdentity(t *testing.T) {
	p := start(t)
	p.become(Identity{UID: 4321, GID: 4322, Groups: []int{4323, 4324}})
	t.Run("a command runs as its caller", func(t *testing.T) {
		if got := p.sh(t, "id -u; id -g; id -G"); got != "4321\n4322\n4322 4323 4324" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("without privileges, and unable to gain any", func(t *testing.T) {
		got := p.sh(t, "grep -E '^(CapEff|CapPrm|NoNewPrivs)' /proc/self/status | tr -d '\t'")
		if got != "CapPrm:0000000000000000\nCapEff:0000000000000000\nNoNewPrivs:1" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("it can ping and listen low", func(t *testing.T) {
		if got := p.sh(t, "cat /proc/sys/net/ipv4/ping_group_range /proc/sys/net/ipv4/ip_unprivileged_port_start"); got != "0\t2147483647\n0" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("root keeps its network and its files, nothing else", func(t *testing.T) {
		p.become(Identity{})
		if got := p.sh(t, "id -u; grep CapEff /proc/self/status; ip link set lo up && echo net"); !strings.HasPrefix(got, "0\n") || !strings.HasSuffix(got, "\nnet") {
			t.Errorf("got %q", got)
		}
		for _, c := range []string{"mount -t tmpfs x /mnt", "mknod /tmp/enishi-test-null c 1 3", "cat /proc/1/environ", "nsenter -t 1 -m true", "hostname other"} {
			if r := p.run(t, t.Context(), "", Request{Argv: []string{"sh", "-c", c}}); r.Code == 0 {
				t.Errorf("root may %s", c)
			}
		}
	})
}

func TestWhatAnInstanceSees(t *testing.T) {
	p := start(t)
	for _, c := range []struct{ name, script, want string }{
		{"its resolver", "cat /etc/resolv.conf", "nameserver 10.0.0.2\nsearch ap-northeast-1.compute.internal"},
		{"its hosts", "head -1 /etc/hosts", "127.0.0.1 localhost"},
		{"its name", "hostname; cat /etc/hostname", "ip-10-0-1-10\nip-10-0-1-10"},
		{"names from files, then DNS", "grep hosts /etc/nsswitch.conf", "hosts: files dns"},
		{"its CA bundle, where the distribution has it too", "tail -n 1 $AWS_CA_BUNDLE; for f in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do [ ! -e $f ] || cmp $f $AWS_CA_BUNDLE; done", "the CA"},
		{"an empty /run", "ls -A /run", "ca-bundle.pem"},
		{"only its own processes", "test -e /proc/self && ls -d /proc/[0-9]* | wc -l | awk '$1 < 8'| wc -l", "1"},
		{"only its own links", "ls /sys/class/net", "lo"},
		{"nothing of the run directory", "ls -A " + p.hidden, ""},
		{"no mount of the host's namespaces or pins", "grep -c " + p.hidden + "/state /proc/mounts || true", "0"},
		{"a shared memory of its own", "ls -A /dev/shm", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := p.sh(t, c.script); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	t.Run("the host sees nothing of it", func(t *testing.T) {
		b, err := os.ReadFile("/proc/self/mounts")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "ca-bundle") || strings.Contains(string(b), "resolv.conf") {
			t.Errorf("mounts:\n%s", b)
		}
		if _, err := os.Stat(bundlePath); err == nil {
			t.Errorf("%s exists", bundlePath)
		}
	})
	t.Run("its files cannot be written", func(t *testing.T) {
		for _, f := range []string{"/etc/resolv.conf", "/etc/hosts"} {
			if r := p.run(t, t.Context(), "", Request{Argv: []string{"sh", "-c", "echo x >> " + f}}); r.Code == 0 {
				t.Errorf("%s was written", f)
			}
		}
	})
}

func TestSignals(t *testing.T) {
	p := start(t)
	p.eachWay(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		flag := filepath.Join("/dev/shm", "up")
		go func() {
			eventually(t, "command runs", func() bool { return p.sh(t, "ls "+flag+" 2>/dev/null || true") != "" })
			cancel()
		}()
		got := p.run(t, ctx, "", Request{Argv: []string{"sh", "-c", "touch " + flag + "; exec sleep 1000"}})
		if got.Code != 143 {
			t.Errorf("the end of the context does not end the command: %+v", got)
		}
		p.sh(t, "rm "+flag)
	})
	t.Run("a caller that is gone takes its command with it, also a stubborn one", func(t *testing.T) {
		c, err := enterInstance(t.Context(), p.agent, "i-1")
		if err != nil {
			t.Fatal(err)
		}
		null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer null.Close()
		if err := send(c, Request{Argv: []string{"sh", "-c", "trap '' HUP; sleep 7777; true"}}, null, null, null); err != nil {
			t.Fatal(err)
		}
		var a answer
		if _, err := receive(c, &a, maxShort); err != nil || !a.Started {
			t.Fatalf("%+v, %v", a, err)
		}
		c.Close()
		eventually(t, "command gone", func() bool {
			return p.sh(t, "grep -l 777[7] /proc/[0-9]*/cmdline 2>/dev/null || true") == ""
		})
	})
}
