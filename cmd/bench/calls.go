// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"enishi.dev/enishi/aws/client"
	"enishi.dev/enishi/aws/sigv4"
	"enishi.dev/enishi/aws/wire"
	"enishi.dev/enishi/aws/wire/ec2"
)

const connections = 16

// turns is what each connection asks, over and over: of ten calls two create a
// security group, one deletes one, and seven describe.
const turns = "vcsgvcsgdg"

// calls asks URL@KEY@SECRET, signed, over sixteen connections that are kept: calls a
// second. The server has to be empty.
func calls(target string, d time.Duration) (float64, error) {
	f := strings.Split(target, "@")
	if len(f) != 3 {
		return 0, errors.New("want URL@KEY@SECRET")
	}
	ctx := context.Background()
	c := client.Client{Endpoint: f[0], Region: ourRegion, Credentials: sigv4.Credentials{AccessKeyID: f[1], Secret: f[2]}, HTTP: &http.Client{}}
	v, err := client.EC2[ec2.CreateVpcOutput](ctx, &c, "CreateVpc", &ec2.CreateVpcInput{CidrBlock: new("10.0.0.0/16")})
	if err != nil {
		return 0, err
	}
	var n atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, connections)
	end := time.Now().Add(d)
	for i := range connections {
		all.Go(func() {
			k, err := newConnection(c, *v.Vpc.VpcId, fmt.Sprint("bench-", i))
			if err != nil {
				failed <- err
				return
			}
			defer k.close()
			for turn := 0; time.Now().Before(end); turn++ {
				if err := k.call(turn); err != nil {
					failed <- err
					return
				}
				n.Add(1)
			}
			failed <- nil
		})
	}
	all.Wait()
	for range connections {
		err = errors.Join(err, <-failed)
	}
	return float64(n.Load()) / d.Seconds(), err
}

// connection is one of the sixteen, with the groups that it has made. It writes and
// reads by itself: net/http's client takes a quarter of the machine.
type connection struct {
	c         client.Client
	at        *url.URL
	conn      net.Conn
	answers   *bufio.Reader
	vpc, name string
	groups    []string
}

func newConnection(c client.Client, vpc, name string) (*connection, error) {
	at, err := url.Parse(c.Endpoint + "/")
	return &connection{c: c, at: at, vpc: vpc, name: name}, err
}

// open makes sure that there is a connection: moto ends each after an answer.
func (k *connection) open() (err error) {
	if k.conn == nil {
		if k.conn, err = net.Dial("tcp", k.at.Host); err != nil {
			return err
		}
		k.answers = bufio.NewReader(k.conn)
	}
	return k.conn.SetDeadline(time.Now().Add(30 * time.Second))
}

func (k *connection) close() {
	if k.conn != nil {
		k.conn.Close()
		k.conn = nil
	}
}

func (k *connection) call(turn int) error {
	switch turns[turn%len(turns)] {
	case 'c':
		text, err := k.ask("CreateSecurityGroup", &ec2.CreateSecurityGroupInput{
			VpcId: &k.vpc, GroupName: new(fmt.Sprint(k.name, "-", turn)), Description: new("bench")})
		if err != nil {
			return err
		}
		var out ec2.CreateSecurityGroupOutput
		err = wire.DecodeXML(bytes.NewReader(text), wire.EC2, "CreateSecurityGroup", &out)
		if err == nil {
			k.groups = append(k.groups, *out.GroupId)
		}
		return err
	case 'd':
		id := k.groups[0]
		k.groups = k.groups[1:]
		return k.look("DeleteSecurityGroup", &ec2.DeleteSecurityGroupInput{GroupId: &id})
	case 'g':
		return k.look("DescribeSecurityGroups", &ec2.DescribeSecurityGroupsInput{GroupIds: k.groups[len(k.groups)-1:]})
	case 's':
		return k.look("DescribeSubnets", &ec2.DescribeSubnetsInput{Filters: []ec2.Filter{{Name: new("vpc-id"), Values: []string{k.vpc}}}})
	default:
		return k.look("DescribeVpcs", &ec2.DescribeVpcsInput{VpcIds: []string{k.vpc}})
	}
}

// look asks for an action whose answer is of no interest but that it is one.
func (k *connection) look(action string, in any) error {
	_, err := k.ask(action, in)
	return err
}

// ask returns the answer's body. One other than 200 is an error.
func (k *connection) ask(action string, in any) ([]byte, error) {
	body := []byte(wire.EncodeForm(wire.EC2, action, ec2.Version, in).Encode())
	req := &http.Request{Method: http.MethodPost, URL: k.at, Host: k.at.Host, Header: http.Header{
		"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}}
	if err := sigv4.Sign(req, k.c.Credentials, k.c.Region, "ec2", body, time.Now()); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", req.Host, len(body))
	_ = req.Header.Write(&text) // a buffer takes all
	text.WriteString("\r\n")
	text.Write(body)
	if err := k.open(); err != nil {
		return nil, err
	}
	if _, err := k.conn.Write(text.Bytes()); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(k.answers, req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	if resp.Close {
		defer k.close()
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %w", action, wire.DecodeError(resp.Body, resp.StatusCode))
	}
	return io.ReadAll(resp.Body)
}
