// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"enishi.dev/enishi/aws/wire/ec2"
)

const tlsClients = 16 // at once

// tlsRequests asks NAME@ADDRESS@CA, over connections that are kept or made anew
// for each request: requests a second.
func tlsRequests(kept bool) func(target string, d time.Duration) (float64, error) {
	return func(target string, d time.Duration) (float64, error) {
		f := strings.Split(target, "@")
		if len(f) != 3 {
			return 0, errors.New("want NAME@ADDRESS@CA")
		}
		ca, err := os.ReadFile(f[2])
		if err != nil {
			return 0, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(ca)
		var n atomic.Int64
		var all sync.WaitGroup
		failed := make(chan error, tlsClients)
		end := time.Now().Add(d)
		for range tlsClients {
			all.Go(func() {
				h := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
					DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
						// The key exchange on which both agree, as the aws CLI's Python does: this nginx knows
						// none that resists quantum computers, for which Go pays as much again.
						dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: f[0], CurvePreferences: []tls.CurveID{tls.X25519}}}
						return dialer.DialContext(ctx, "tcp", f[1])
					},
					DisableKeepAlives: !kept,
				}}
				for time.Now().Before(end) {
					if err := oneRequest(h, f[0]); err != nil {
						failed <- err
						return
					}
					n.Add(1)
				}
			})
		}
		all.Wait()
		select {
		case err := <-failed:
			return 0, err
		default:
			return float64(n.Load()) / d.Seconds(), nil
		}
	}
}

// oneRequest is one that the services in the box refuse, after they have read it.
func oneRequest(h *http.Client, name string) error {
	r, err := http.NewRequest(http.MethodPost, "https://"+name+"/", strings.NewReader("{}"))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "Kinesis_20131202.ListStreams")
	resp, err := h.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNotImplemented {
		return fmt.Errorf("status %s", resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// proxies holds an endpoint against nginx as a TLS reverse proxy in another
// instance, both before the same upstream: the services in the box.
func proxies(ctx context.Context, b *bench) ([]row, error) {
	const what = "TLS requests a second through an endpoint against nginx"
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		return []row{{what, reported, "skipped: nginx is not installed (apt-get install nginx-light)", true}}, nil
	}
	if err := b.ensure(ctx); err != nil {
		return nil, err
	}
	at, err := b.newPlace(ctx)
	if err != nil {
		return nil, err
	}
	client, _, err := b.launch(ctx, at)
	if err != nil {
		return nil, err
	}
	server, address, err := b.launch(ctx, at)
	if err != nil {
		return nil, err
	}
	stop, err := b.nginx(nginx, server)
	if err != nil {
		return nil, err
	}
	defer stop()
	endpoint, name, err := b.streams(ctx, at)
	if err != nil {
		return nil, err
	}
	ca, err := b.authority()
	if err != nil {
		return nil, err
	}
	targets := []string{
		"nginx.bench@" + address + ":443@" + filepath.Join(b.dir, "nginx.pem"),
		name + "@" + endpoint + ":443@" + ca,
	}
	var ends []pair
	for _, t := range targets {
		ends = append(ends, pair{host: t, client: func(args ...string) *exec.Cmd { return b.inside(client, args...) }})
	}
	rounds, d := 9, 500*time.Millisecond
	if b.quick {
		rounds = 3
	}
	var rows []row
	for _, l := range []struct{ load, what string }{{"tls-kept", "kept connections"}, {"tls-new", "new connections"}} {
		c := compare{load: l.load, unit: "a second", rounds: rounds, d: d}
		if err := c.run(ctx, ends); err != nil {
			return nil, err
		}
		rows = append(rows, c.against(what+": "+l.what, "nginx", 0.9))
	}
	return rows, nil
}

// authority is the file of whom to trust with endpoints, where instances see it: the
// run directory they do not.
func (b *bench) authority() (string, error) {
	path := filepath.Join(b.dir, "ca.pem")
	ca, err := os.ReadFile(filepath.Join(b.run, "ca.pem"))
	if err != nil {
		return "", err
	}
	return path, os.WriteFile(path, ca, 0o644)
}

// streams makes an endpoint for Kinesis and waits until it is available.
func (b *bench) streams(ctx context.Context, at place) (address, name string, err error) {
	out, err := call[ec2.CreateVpcEndpointOutput](ctx, b.world, "CreateVpcEndpoint", &ec2.CreateVpcEndpointInput{
		VpcEndpointType: "Interface", VpcId: &at.vpc, ServiceName: new("com.amazonaws.ap-northeast-1.kinesis-streams"),
		SubnetIds: []string{at.subnet}, SecurityGroupIds: []string{at.group}})
	if err != nil {
		return "", "", err
	}
	e := out.VpcEndpoint
	if err := b.available(ctx, *e.VpcEndpointId); err != nil {
		return "", "", err
	}
	address, err = b.addressOf(ctx, e)
	return address, *e.DnsEntries[0].DnsName, err
}
