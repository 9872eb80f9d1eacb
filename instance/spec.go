// SPDX-License-Identifier: Apache-2.0

// Package instance starts, watches and ends the processes of instances: each has
// a network namespace that somebody made, and mount, pid, uts and ipc namespaces
// of its own over the host's file system. It isolates the network; it is no
// security sandbox. It knows nothing of VPCs or of packets.
package instance

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// Spec is what an instance's processes see.
type Spec struct {
	ID       string       `json:"id"`
	Hostname string       `json:"hostname"`
	Domain   string       `json:"domain"` // search domain
	Resolver []netip.Addr `json:"resolver"`
	Region   string       `json:"region"`
	Boots    int64        `json:"boots"`            // how often it has begun anew before
	Script   []byte       `json:"script,omitempty"` // runs as soon as commands can; see [Instance.Console]
	CA       []byte       `json:"-"`                // PEM: whom TLS clients trust beside whom they trust on the host
	Hide     []string     `json:"hide"`             // directories that are empty inside
	Detach   []string     `json:"detach"`           // mounts of which an instance keeps no copy: what they pin can go
}

// The files that start prepares and init mounts over the host's. exec.sock is
// how commands come in, pid names the first process.
const (
	resolvFile   = "resolv.conf"
	hostsFile    = "hosts"
	hostnameFile = "hostname"
	nsswitchFile = "nsswitch.conf"
	caFile       = "ca-bundle.pem"
	specFile     = "spec.json"
	execSocket   = "exec.sock"
	consoleFile  = "console"
	pidFile      = "pid"
)

// write puts the instance's files into dir.
func (s Spec) write(dir string) error {
	var resolv strings.Builder
	for _, a := range s.Resolver {
		resolv.WriteString("nameserver " + a.String() + "\n")
	}
	if s.Domain != "" {
		resolv.WriteString("search " + s.Domain + "\n")
	}
	spec, err := json.Marshal(s)
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		resolvFile:   resolv.String(),
		hostsFile:    "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n",
		hostnameFile: s.Hostname + "\n",
		nsswitchFile: "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\nprotocols: files\nservices: files\n",
		caFile:       string(append(hostBundle(), s.CA...)),
		specFile:     string(spec),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// readSpec reads what write wrote.
func readSpec(dir string) (s Spec, err error) {
	b, err := os.ReadFile(filepath.Join(dir, specFile))
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(b, &s)
}

// hostBundle is whom TLS clients trust on the host.
func hostBundle() []byte {
	for _, o := range own {
		if o.file != caFile || o.over == bundlePath {
			continue
		}
		if b, err := os.ReadFile(o.over); err == nil {
			return append(b, '\n')
		}
	}
	return nil
}
