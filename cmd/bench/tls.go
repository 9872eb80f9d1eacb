// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

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
		if err := c.run(ends); err != nil {
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

// nginx serves in the instance's network, with the machine's files.
func (b *bench) nginx(program, instance string) (stop func(), err error) {
	if err := b.certificate("nginx.bench"); err != nil {
		return nil, err
	}
	conf := filepath.Join(b.dir, "nginx.conf")
	err = os.WriteFile(conf, fmt.Appendf(nil, `daemon off; user root; worker_processes auto; pid %[1]s/nginx.pid; error_log %[1]s/nginx.log;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path %[1]s/n1; proxy_temp_path %[1]s/n2; fastcgi_temp_path %[1]s/n3; uwsgi_temp_path %[1]s/n4; scgi_temp_path %[1]s/n5;
  upstream services { server unix:%[2]s/services.sock; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 443 ssl reuseport; ssl_certificate %[1]s/nginx.pem; ssl_certificate_key %[1]s/nginx.key; ssl_protocols TLSv1.3; keepalive_requests 1000000;
    location / { proxy_pass http://services; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }
  }
}
`, b.dir, b.run), 0o644)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("nsenter", "--net="+filepath.Join(b.run, "state/ns", instance), program, "-c", conf)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGTERM}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = cmd.Process.Signal(unix.SIGTERM)
		_ = cmd.Wait()
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(b.dir, "nginx.pid")); err == nil {
			return stop, nil
		}
		if time.Now().After(end) {
			stop()
			return nil, fmt.Errorf("nginx does not start: %s", &said)
		}
	}
}

// certificate writes a key and a certificate for name that vouches for itself, of
// the kind that endpoints have.
func (b *bench) certificate(name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(b.dir, "nginx.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
		os.WriteFile(filepath.Join(b.dir, "nginx.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600),
	)
}
