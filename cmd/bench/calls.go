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
			k := connection{c: c, vpc: *v.Vpc.VpcId, name: fmt.Sprint("bench-", i)}
			defer k.close()
			for turn := 0; time.Now().Before(end); turn++ {
				if err := k.call(ctx, turn); err != nil {
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
	conn      net.Conn
	answers   *bufio.Reader
	vpc, name string
	groups    []string
}

// open makes sure that there is a connection: moto ends each after an answer.
func (k *connection) open(host string) (err error) {
	if k.conn == nil {
		if k.conn, err = net.Dial("tcp", host); err != nil {
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

func (k *connection) call(ctx context.Context, turn int) error {
	switch turns[turn%len(turns)] {
	case 'c':
		text, err := k.ask(ctx, "CreateSecurityGroup", &ec2.CreateSecurityGroupInput{
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
		return k.look(ctx, "DeleteSecurityGroup", &ec2.DeleteSecurityGroupInput{GroupId: &id})
	case 'g':
		return k.look(ctx, "DescribeSecurityGroups", &ec2.DescribeSecurityGroupsInput{GroupIds: k.groups[len(k.groups)-1:]})
	case 's':
		return k.look(ctx, "DescribeSubnets", &ec2.DescribeSubnetsInput{Filters: []ec2.Filter{{Name: new("vpc-id"), Values: []string{k.vpc}}}})
	default:
		return k.look(ctx, "DescribeVpcs", &ec2.DescribeVpcsInput{VpcIds: []string{k.vpc}})
	}
}

// look asks for an action whose answer is of no interest but that it is one.
func (k *connection) look(ctx context.Context, action string, in any) error {
	_, err := k.ask(ctx, action, in)
	return err
}

// ask returns the answer's body. One other than 200 is an error.
func (k *connection) ask(ctx context.Context, action string, in any) ([]byte, error) {
	req, err := k.c.Request(ctx, action, in)
	if err != nil {
		return nil, err
	}
	if err := k.open(req.URL.Host); err != nil {
		return nil, err
	}
	if err := req.Write(k.conn); err != nil { // in one piece: it has a buffer of its own
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
